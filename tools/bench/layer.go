package bench

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
)

// layer is one layer as plans run it: with what it packs and gathers.
type layer struct {
	op   graph.Op
	x, w tensor.Shape
}

var (
	one, two = [2]int{1, 1}, [2]int{2, 2}
	pad1     = [4]int{1, 1, 1, 1}
	pad2     = [4]int{2, 2, 2, 2}
	pad3     = [4]int{3, 3, 3, 3}
)

// layers are those that the steps of the networks spend their time in, for eight images.
var layers = []layer{
	{op.Conv{Stride: two, Pads: pad3}, tensor.Shape{8, 224, 224, 3}, tensor.Shape{64, 7, 7, 3}},
	{op.Conv{Stride: one, Pads: pad1}, tensor.Shape{8, 56, 56, 64}, tensor.Shape{64, 3, 3, 64}},
	{op.Conv{Stride: two, Pads: pad1}, tensor.Shape{8, 56, 56, 64}, tensor.Shape{128, 3, 3, 64}},
	{op.Conv{Stride: one, Pads: pad1}, tensor.Shape{8, 14, 14, 256}, tensor.Shape{256, 3, 3, 256}},
	{op.Conv{Stride: one, Pads: pad1}, tensor.Shape{8, 7, 7, 512}, tensor.Shape{512, 3, 3, 512}},
	{op.Conv{Stride: one}, tensor.Shape{8, 28, 28, 32}, tensor.Shape{192, 1, 1, 32}},
	{op.Conv{Stride: one}, tensor.Shape{8, 14, 14, 384}, tensor.Shape{64, 1, 1, 384}},
	{op.Depthwise{Stride: one, Pads: pad1}, tensor.Shape{8, 28, 28, 192}, tensor.Shape{192, 3, 3, 1}},
	{op.Depthwise{Stride: two, Pads: pad1}, tensor.Shape{8, 56, 56, 144}, tensor.Shape{144, 3, 3, 1}},
	{op.Depthwise{Stride: one, Pads: pad2}, tensor.Shape{8, 14, 14, 240}, tensor.Shape{240, 5, 5, 1}},
}

func (l layer) String() string {
	stride := 1
	switch o := l.op.(type) {
	case op.Conv:
		stride = o.Stride[0]
	case op.Depthwise:
		stride = o.Stride[0]
	}
	return fmt.Sprintf("%s %dx%d/%d %v>%d", l.op.Kind(), l.w[1], l.w[2], stride, l.x, l.w[0])
}

// The passes of a layer.
const (
	forward = iota
	inputGradient
	weightGradient
)

// make compiles one pass of the layer.
func (l layer) make(pass int) func(e graph.Env) (Work, error) {
	return func(e graph.Env) (Work, error) {
		g := graph.New()
		x, w := g.Leaf("x", graph.Input, l.x, nil), g.Leaf("w", graph.Param, l.w, noise(l.w.Elems()))
		y := g.Add("y", l.op, x, w)
		macs := y.Op.(graph.Counter).MACs(y)
		g.Outputs = []*graph.Node{y}
		if pass != forward {
			dy := g.Leaf("dy", graph.Input, y.Shape, nil)
			grads := l.op.(graph.Grader).Grad(g, y, dy, []bool{pass == inputGradient, pass == weightGradient})
			var err error
			if g, _, err = g.Sub([]*graph.Node{x, dy}, grads[pass-1:pass]); err != nil {
				return Work{}, err
			}
		}
		p, err := plan.Compile(g, plan.Options{Env: e})
		if err != nil {
			return Work{}, err
		}
		return newModel(l.String(), p, l.x[0], 2*float64(macs)).Work, nil
	}
}
