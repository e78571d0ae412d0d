package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Conv is a convolution. Stride, Dilation and Groups of 0 mean 1.
//
//	x  N×H×W×C
//	w  O×KH×KW×(C/Groups)
//	b  O, optional
//	y  N×OH×OW×O
type Conv struct {
	Stride, Dilation [2]int
	Pads             [4]int // top, left, bottom, right
	Groups           int
}

// Kind is Conv.
func (Conv) Kind() string { return "Conv" }

func (c Conv) groups() int { return max(c.Groups, 1) }

// window is how a kernel of that size moves.
func (c Conv) window(kernel [2]int) convWindow {
	return newConvWindow(kernel, c.Stride, c.Dilation, c.Pads)
}

func (c Conv) check() error {
	if c.Groups < 0 {
		return fmt.Errorf("%d groups, want at least 1", c.Groups)
	}
	return convWindowCheck(c.Stride, c.Dilation, c.Pads)
}

// Infer wants the channels of x to be those of w times the groups.
func (c Conv) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := convInputs(in); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	x, w, g := in[0], in[1], c.groups()
	if x[3]%g != 0 || x[3]/g != w[3] {
		return nil, fmt.Errorf("input %v has %d channels, weight %v with %d groups wants %d", x, x[3], w, g, w[3]*g)
	}
	if w[0]%g != 0 {
		return nil, fmt.Errorf("weight %v has %d filters, want a multiple of %d groups", w, w[0], g)
	}
	out, err := c.window([2]int{w[1], w[2]}).out([2]int{x[1], x[2]})
	if err != nil {
		return nil, err
	}
	return tensor.Shape{x[0], out[0], out[1], w[0]}, nil
}

// convInputs wants x and w of four axes and at most a bias of one value a filter.
func convInputs(in []tensor.Shape) error {
	switch {
	case len(in) != 2 && len(in) != 3:
		return fmt.Errorf("%d inputs, want x, w and at most a bias", len(in))
	case len(in[0]) != 4 || len(in[1]) != 4:
		return fmt.Errorf("input %v, weight %v, want four axes each", in[0], in[1])
	case len(in) == 3 && !in[2].Equal(in[1][:1]):
		return fmt.Errorf("bias %v for weight %v, want one value for each of %d filters", in[2], in[1], in[1][0])
	}
	return nil
}

// Ties: input channels go with the last axis of w, filters with output channels and bias. With
// groups a channel is bound to its place.
func (c Conv) Ties(n *graph.Node) graph.Ties {
	x, in := graph.End{Port: 0, Axis: 3}, graph.End{Port: 1, Axis: 3}
	filters, out := graph.End{Port: 1, Axis: 0}, graph.End{Port: graph.Out, Axis: 3}
	bias := graph.End{Port: 2, Axis: 0}
	t := graph.Ties{}
	if c.groups() > 1 {
		t.Locks = []graph.End{x, in, filters, out}
		if len(n.In) == 3 {
			t.Locks = append(t.Locks, bias)
		}
		return t
	}
	t.Links = []graph.Tie{graph.Same(x, in), graph.Same(filters, out)}
	if len(n.In) == 3 {
		t.Links = append(t.Links, graph.Same(filters, bias))
	}
	return t
}

// MACs is one for each weight and output pixel.
func (c Conv) MACs(n *graph.Node) int64 {
	w := n.In[1].Shape
	return int64(n.Shape.Elems()) * int64(w[1]*w[2]*w[3])
}

// Lower multiplies rows of pixels with the weights of all filters.
func (c Conv) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return c.lowerWith(e, n, m, hooks{})
}

// begins: rows are taken as they lie.
func (c Conv) begins(in []*graph.Node) bool {
	x, w := in[0].Shape, in[1].Shape
	y, err := c.Infer([]tensor.Shape{x, w})
	if err != nil || c.groups() != 1 {
		return false
	}
	pixels := c.pixels(x, w, y)
	return pixels.direct()
}

func (c Conv) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return lowerUnpacked(c, e, n, m, h)
}

// lowering is by Winograd where that wins.
func (c Conv) lowering(e *graph.Env, n *graph.Node, atRest bool) lowering {
	if w := n.In[1].Shape; winogradFits(c, w) && winogradWins(n.Shape, w[3], w[0]) {
		return winogradByTiles(c.winograd(e, n))
	}
	return c.rowLowering(e, n, atRest)
}

func (c Conv) winograd(e *graph.Env, n *graph.Node) *winogradLoop {
	x, y := n.In[0].Shape, n.Shape
	g := newWinogradGrid(x[0], [2]int{x[1], x[2]}, [2]int{y[1], y[2]}, [2]int{c.Pads[0], c.Pads[1]})
	return newWinogradLoop(e, g, winogradForward(e, n.In[1].Shape), biasOf(n))
}

// rowLowering leaves the weights of few pixels as they are unless they rest.
func (c Conv) rowLowering(e *graph.Env, n *graph.Node, atRest bool) lowering {
	w, groups, bias := n.In[1].Shape, c.groups(), biasOf(n)
	pixels := c.pixels(n.In[0].Shape, w, n.Shape)
	if !atRest && groups == 1 && fewRows(pixels.rows(), w[0]) {
		return &fewRowsLoop{e: e, im2row: pixels, n: w[0], bias: bias}
	}
	k, filters := pixels.cols(), w[0]/groups
	return newConvLoop(e, groups, filters, pixels.grid, bias, convPass{im2row: pixels, step: [2]int{1, 1},
		pack: func(dst, _, w []float32, group, lo, hi int) {
			e.Kernels.PackBT(dst, w[(group*filters+lo)*k:], k, k, hi-lo)
		}})
}

// biasOf is the input of a node that is its bias, 0 for none.
func biasOf(n *graph.Node) int {
	if len(n.In) == 3 {
		return 2
	}
	return 0
}

// pixels is the matrix of what each output pixel reads of the channels of one group.
func (c Conv) pixels(x, w, y tensor.Shape) im2row {
	win := c.window([2]int{w[1], w[2]})
	return im2row{images: x[0], grid: [2]int{y[1], y[2]}, size: [2]int{x[1], x[2]}, channels: x[3], width: w[3],
		step: win.stride, ty: win.taps(0), tx: win.taps(1)}
}

// Grad needs x for dw and w for dx. dw comes first: x may then go before dx is made.
func (c Conv) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, len(n.In))
	x, w := n.In[0], n.In[1]
	if want[1] {
		kernel := [2]int{w.Shape[1], w.Shape[2]}
		grads[1] = g.Add(n.Name+".dw", ConvGradWeight{c.Stride, c.Dilation, c.Pads, c.Groups, kernel}, dy, x)
	}
	if want[0] {
		size := [2]int{x.Shape[1], x.Shape[2]}
		grads[0] = g.Add(n.Name+".dx", ConvGradInput{c.Stride, c.Dilation, c.Pads, c.Groups, size}, dy, w)
	}
	if len(want) > 2 && want[2] {
		grads[2] = g.Add(n.Name+".db", BiasGrad{}, dy)
	}
	return grads
}
