package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Rearrange moves the elements of each image: element i of the output is element Index[i] of x,
// both counted in row-major order. It stands for what reshapes and transposes of ONNX's N×C×H×W
// come to in our order of axes. Channels lose their place, so it has no ties.
//
//	x  N×…
//	y  N×Dims
type Rearrange struct {
	Dims  []int
	Index []int // one for each element of Dims
}

// Kind is Rearrange.
func (Rearrange) Kind() string { return "Rearrange" }

// Infer wants an index within the image for each element.
func (r Rearrange) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) == 0 {
		return nil, fmt.Errorf("inputs %v, want one with a batch axis", in)
	}
	out := append(tensor.Shape{in[0][0]}, r.Dims...)
	if err := out.Check(); err != nil {
		return nil, err
	}
	if out[1:].Elems() != len(r.Index) {
		return nil, fmt.Errorf("%d indices for %v an image, want one for each element", len(r.Index), out[1:])
	}
	return out, checkIndex(r.Index, in[0][1:].Elems())
}

// Lower picks image by image.
func (r Rearrange) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	size, k := n.In[0].Shape[1:].Elems(), len(r.Index)
	return graph.Loop{Run: inPieces(e, n.Shape[0], 2*k, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			pick(m.Out[i*k:(i+1)*k], m.In[0][i*size:(i+1)*size], r.Index)
		}
	})}
}

// Grad adds dy up where it came from.
func (r Rearrange) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, RearrangeGrad{Dims: n.In[0].Shape[1:], Index: r.Index}, dy)
}

// RearrangeGrad adds up the elements of each image at Index: dx[Index[i]] += dy[i].
//
//	dy  N×…
//	dx  N×Dims
type RearrangeGrad struct {
	Dims  []int
	Index []int // one for each element of dy
}

// Kind is RearrangeGrad.
func (RearrangeGrad) Kind() string { return "RearrangeGrad" }

// Infer wants an index within Dims for each element of dy.
func (r RearrangeGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) == 0 || in[0][1:].Elems() != len(r.Index) {
		return nil, fmt.Errorf("inputs %v, want dy with %d elements an image", in, len(r.Index))
	}
	out := append(tensor.Shape{in[0][0]}, r.Dims...)
	if err := out.Check(); err != nil {
		return nil, err
	}
	return out, checkIndex(r.Index, out[1:].Elems())
}

// Lower adds up image by image.
func (r RearrangeGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	size, k := n.Shape[1:].Elems(), len(r.Index)
	return graph.Loop{Run: inPieces(e, n.Shape[0], 2*k, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			addAt(m.Out[i*size:(i+1)*size], m.In[0][i*k:(i+1)*k], r.Index)
		}
	})}
}
