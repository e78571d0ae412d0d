package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// Clip is y = min(max(x, Min), Max); ReLU6 is Clip{0, 6}. A missing bound is an infinity.
type Clip struct{ Min, Max float32 }

// Kind is the ONNX name.
func (Clip) Kind() string { return "Clip" }

// Infer keeps the shape.
func (c Clip) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if !(c.Min <= c.Max) {
		return nil, fmt.Errorf("bounds %g and %g, want the lower one first", c.Min, c.Max)
	}
	return inferUnary(in)
}

// Lower clips.
func (c Clip) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, 1, c.apply(e.Kernels))
}

func (c Clip) apply(k kernels.Set) func(y, x []float32) {
	return func(y, x []float32) { k.Clip(y, x, c.Min, c.Max) }
}

func (c Clip) tail(kernels.Set) *tail { return &tail{lo: c.Min, hi: c.Max} }

// Grad uses y rather than x, so that x need not outlive the forward pass.
func (c Clip) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, ClipGrad(c), dy, n)
}

// Ties passes channels through.
func (Clip) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (Clip) InPlace() []int { return []int{0} }

// ClipGrad is dx = dy where Min < y < Max, else 0.
//
//	dy, y  of one shape
type ClipGrad struct{ Min, Max float32 }

// Kind is ClipGrad.
func (ClipGrad) Kind() string { return "ClipGrad" }

// Infer keeps the shape.
func (ClipGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower masks dy by y.
func (c ClipGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return zipLoop(e, n, m, 1, c.zip(e.Kernels))
}

func (c ClipGrad) zip(k kernels.Set) func(dx, dy, y []float32) {
	return func(dx, dy, y []float32) { k.ClipGrad(dx, dy, y, c.Min, c.Max) }
}

// InPlace may overwrite dy or y.
func (ClipGrad) InPlace() []int { return []int{0, 1} }
