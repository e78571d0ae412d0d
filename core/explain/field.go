package explain

import (
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// span is rows or columns from Lo up to, not including, Hi.
type span struct{ lo, hi float64 }

func (s span) with(t span) span {
	if s == (span{}) {
		return t
	}
	return span{math.Min(s.lo, t.lo), math.Max(s.hi, t.hi)}
}

// field is the part of the picture that position (y, x) of a node can see, as shares of it: left, top, right,
// bottom; it reaches over the edges where padding is seen. What sees through a vector, such as squeeze and
// excitation, sees everything, and is left out.
func field(n *graph.Node, y, x int) [4]float64 {
	seen := map[*graph.Node][2]span{n: {{float64(y), float64(y + 1)}, {float64(x), float64(x + 1)}}}
	need, order := reach(n)
	for i := len(order) - 1; i >= 0; i-- {
		at := order[i]
		s, ok := seen[at]
		if !ok || len(at.Shape) != 4 {
			continue
		}
		if at.Is(graph.Input) {
			h, w := float64(at.Shape[1]), float64(at.Shape[2])
			return [4]float64{s[1].lo / w, s[0].lo / h, s[1].hi / w, s[0].hi / h}
		}
		for _, in := range at.In {
			if need[in] && len(in.Shape) == 4 && !narrow(in, at) {
				old := seen[in]
				seen[in] = [2]span{old[0].with(back(at, in, 0, s[0])), old[1].with(back(at, in, 1, s[1]))}
			}
		}
	}
	return [4]float64{0, 0, 1, 1}
}

// reach is the activations that n is made from, in order.
func reach(n *graph.Node) (map[*graph.Node]bool, []*graph.Node) {
	need, order := map[*graph.Node]bool{}, []*graph.Node(nil)
	var visit func(*graph.Node)
	visit = func(x *graph.Node) {
		if need[x] || x.IsLeaf() && !x.Is(graph.Input) {
			return
		}
		need[x] = true
		for _, in := range x.In {
			visit(in)
		}
		order = append(order, x)
	}
	visit(n)
	return need, order
}

// narrow reports whether in is one position that a larger map reads.
func narrow(in, at *graph.Node) bool {
	return in.Shape[1]*in.Shape[2] == 1 && at.Shape[1]*at.Shape[2] > 1
}

// back is what of the input's rows (axis 0) or columns (axis 1) the span s of at reads.
func back(at, in *graph.Node, axis int, s span) span {
	kernel, stride, dilation, pad, ok := window(at, axis)
	if ok {
		return span{s.lo*stride - pad, (s.hi-1)*stride - pad + (kernel-1)*dilation + 1}
	}
	scale := float64(in.Shape[1+axis]) / float64(at.Shape[1+axis])
	return span{s.lo * scale, s.hi * scale}
}

// window is how the kernel of an op moves along an axis; ok is false for ops without one.
func window(n *graph.Node, axis int) (kernel, stride, dilation, pad float64, ok bool) {
	of := func(kernel int, strides, dilations [2]int, pads [4]int) (float64, float64, float64, float64, bool) {
		return float64(kernel), float64(max(strides[axis], 1)), float64(max(dilations[axis], 1)), float64(pads[axis]), true
	}
	switch o := n.Op.(type) {
	case op.Conv:
		return of(n.In[1].Shape[1+axis], o.Stride, o.Dilation, o.Pads)
	case op.Depthwise:
		return of(n.In[1].Shape[1+axis], o.Stride, o.Dilation, o.Pads)
	case op.MaxPool:
		return of(o.Kernel[axis], o.Stride, o.Dilation, o.Pads)
	case op.AveragePool:
		return of(o.Kernel[axis], o.Stride, [2]int{}, o.Pads)
	}
	return 0, 0, 0, 0, false
}

// The sides of a patch, as shares of the picture. A field is felt in its middle far more than at its edges (Luo et
// al., NIPS 2016), and a few pixels show nothing.
const (
	leastSide = 1.0 / 6
	mostSide  = 1.0 / 2
)

// framed is a field cut down or widened around its middle to a patch, within the picture.
func framed(f [4]float64) [4]float64 {
	for axis := range 2 {
		lo, hi := f[axis], f[axis+2]
		side := math.Min(math.Max(hi-lo, leastSide), mostSide)
		lo = math.Min(math.Max((lo+hi-side)/2, 0), 1-side)
		f[axis], f[axis+2] = lo, lo+side
	}
	return f
}
