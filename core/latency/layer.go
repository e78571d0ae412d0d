package latency

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// layer is one convolution or fully connected layer: what its time depends on.
type layer struct {
	op      graph.Op
	size    [2]int // height and width of the input, 0 for Gemm
	kernel  [2]int
	in, out int  // channels
	fixed   bool // widths are not interpolated: groups must divide them
}

// layerOf reads a layer from its node; false for other ops.
func layerOf(n *graph.Node) (l layer, ok bool) {
	switch o := n.Op.(type) {
	case op.Gemm:
		w := n.In[1].Shape
		return layer{op: o, in: w[1], out: w[0]}, true
	case op.Conv:
		l = windowed(n)
		l.fixed = o.Groups > 1
	case op.Depthwise:
		l = windowed(n)
		l.fixed = l.in != l.out
	default:
		return layer{}, false
	}
	return l, true
}

func windowed(n *graph.Node) layer {
	x, w := n.In[0].Shape, n.In[1].Shape
	return layer{op: n.Op, size: [2]int{x[1], x[2]}, kernel: [2]int{w[1], w[2]}, in: x[3], out: w[0]}
}

// String names the layer with its widths; the table is kept by it.
func (l layer) String() string {
	return fmt.Sprintf("%s %d×%d kernel %d×%d channels %d→%d", graph.OpString(l.op), l.size[0], l.size[1], l.kernel[0], l.kernel[1], l.in, l.out)
}

// depthwise layers have one width.
func (l layer) depthwise() bool { _, ok := l.op.(op.Depthwise); return ok }

// network is the layer alone, one image, with bias.
func (l layer) network() (*graph.Graph, error) {
	g := graph.New()
	xs, ws := tensor.Shape{1, l.size[0], l.size[1], l.in}, tensor.Shape{l.out, l.kernel[0], l.kernel[1], l.in}
	switch o := l.op.(type) {
	case op.Gemm:
		xs, ws = tensor.Shape{1, l.in}, tensor.Shape{l.out, l.in}
	case op.Depthwise:
		ws[3] = 1
	case op.Conv:
		ws[3] = l.in / max(1, o.Groups)
	}
	x := g.Leaf("x", graph.Input, xs, nil)
	w := g.Leaf("w", graph.Param, ws, tensor.Floats(ws.Elems()))
	b := g.Leaf("b", graph.Param, tensor.Shape{l.out}, tensor.Floats(l.out))
	y, err := g.Try("y", l.op, x, w, b)
	if err != nil {
		return nil, err
	}
	g.Outputs = []*graph.Node{y}
	return g, nil
}
