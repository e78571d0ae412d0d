package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Depthwise is a convolution in which each output channel reads one input channel: channel j
// reads channel j/m. Stride and Dilation of 0 mean 1.
//
//	x  N×H×W×C
//	w  (C·m)×KH×KW×1
//	b  C·m, optional
//	y  N×OH×OW×(C·m)
type Depthwise struct {
	Stride, Dilation [2]int
	Pads             [4]int // top, left, bottom, right
}

// Kind is Depthwise; in ONNX it is a Conv with as many groups as channels.
func (Depthwise) Kind() string { return "Depthwise" }

func (d Depthwise) window(kernel [2]int) convWindow {
	return newConvWindow(kernel, d.Stride, d.Dilation, d.Pads)
}

// Infer wants a whole number of filters for each channel of x.
func (d Depthwise) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := convInputs(in); err != nil {
		return nil, err
	}
	if err := convWindowCheck(d.Stride, d.Dilation, d.Pads); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if w[3] != 1 || w[0]%x[3] != 0 {
		return nil, fmt.Errorf("weight %v for input %v, want a multiple of %d filters of one channel each", w, x, x[3])
	}
	out, err := d.window([2]int{w[1], w[2]}).out([2]int{x[1], x[2]})
	if err != nil {
		return nil, err
	}
	return tensor.Shape{x[0], out[0], out[1], w[0]}, nil
}

// Ties keeps channels, filters and bias together, m filters for each channel.
func (Depthwise) Ties(n *graph.Node) graph.Ties {
	x, w, out := graph.End{Port: 0, Axis: 3}, graph.End{Port: 1, Axis: 0}, graph.End{Port: graph.Out, Axis: 3}
	c, total := n.In[0].Shape[3], n.Shape[3]
	t := graph.Ties{Links: []graph.Tie{graph.Same(w, out)}}
	if total == c {
		t.Links = append(t.Links, graph.Same(x, out))
	} else {
		t.Links = append(t.Links, graph.Block(x, out, total/c, total))
	}
	if len(n.In) == 3 {
		t.Links = append(t.Links, graph.Same(w, graph.End{Port: 2, Axis: 0}))
	}
	return t
}

// MACs is one for each tap and output element.
func (Depthwise) MACs(n *graph.Node) int64 {
	w := n.In[1].Shape
	return int64(n.Shape.Elems()) * int64(w[1]*w[2])
}

// Lower goes row by row over the output.
func (d Depthwise) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return d.lowerWith(e, n, m, hooks{})
}

func (d Depthwise) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return lowerUnpacked(d, e, n, m, h)
}

func (d Depthwise) lowering(e *graph.Env, n *graph.Node, _ bool) lowering {
	x, w := n.In[0].Shape, n.In[1].Shape
	win := d.window([2]int{w[1], w[2]})
	l := &depthwiseLoop{e: e, c: w[0], filters: w[0], size: [2]int{n.Shape[1], n.Shape[2]}, taps: w[1] * w[2], bias: biasOf(n)}
	l.row = e.Kernels.DepthwiseRow
	if mult := w[0] / x[3]; mult > 1 {
		l.row = depthwiseSpread(mult)
	}
	p := depthwisePass{images: x[0], grid: l.size, size: [2]int{x[1], x[2]}, channels: x[3],
		step: win.stride, ty: win.taps(0), tx: win.taps(1), outStep: [2]int{1, 1}}
	p.kernel = depthwiseTaps(w[1], w[2])
	l.passes = []depthwisePass{p}
	return l.prepare()
}

// begins always.
func (Depthwise) begins([]*graph.Node) bool { return true }

// Grad needs x for dw and w for dx. dw comes first: x may then go before dx is made.
func (d Depthwise) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, len(n.In))
	x, w := n.In[0].Shape, n.In[1].Shape
	if want[1] {
		op := DepthwiseGradWeight{d.Stride, d.Dilation, d.Pads, [2]int{w[1], w[2]}}
		grads[1] = g.Add(n.Name+".dw", op, dy, n.In[0])
	}
	if want[0] {
		op := DepthwiseGradInput{d.Stride, d.Dilation, d.Pads, [2]int{x[1], x[2]}, w[0] / x[3]}
		grads[0] = g.Add(n.Name+".dx", op, dy, n.In[1])
	}
	if len(want) > 2 && want[2] {
		grads[2] = g.Add(n.Name+".db", BiasGrad{}, dy)
	}
	return grads
}
