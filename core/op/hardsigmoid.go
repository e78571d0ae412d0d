package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// HardSigmoid is y = min(max(Alpha·x+Beta, 0), 1). ONNX's default is 0.2 and 0.5, PyTorch's
// hardsigmoid has 1/6 and 0.5.
type HardSigmoid struct{ Alpha, Beta float32 }

// Kind is the ONNX name.
func (HardSigmoid) Kind() string { return "HardSigmoid" }

// Infer keeps the shape.
func (HardSigmoid) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower computes element by element.
func (h HardSigmoid) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, 1, h.apply(e.Kernels))
}

func (h HardSigmoid) apply(k kernels.Set) func(y, x []float32) {
	return func(y, x []float32) { k.HardSigmoid(y, x, h.Alpha, h.Beta) }
}

func (h HardSigmoid) tail(k kernels.Set) *tail {
	return &tail{bend: func(y []float32, ld int, b []float32, m int) { k.BiasHardSigmoid(y, ld, b, m, h.Alpha, h.Beta) }}
}

// Grad uses y rather than x, so that x need not outlive the forward pass.
func (h HardSigmoid) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, HardSigmoidGrad{Alpha: h.Alpha}, dy, n)
}

// Ties passes channels through.
func (HardSigmoid) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (HardSigmoid) InPlace() []int { return []int{0} }

// HardSigmoidGrad is dx = Alpha·dy where 0 < y < 1, else 0.
//
//	dy, y  of one shape
type HardSigmoidGrad struct{ Alpha float32 }

// Kind is HardSigmoidGrad.
func (HardSigmoidGrad) Kind() string { return "HardSigmoidGrad" }

// Infer keeps the shape.
func (HardSigmoidGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower masks dy by y and scales it.
func (h HardSigmoidGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return zipLoop(e, n, m, 1, h.zip(e.Kernels))
}

func (h HardSigmoidGrad) zip(k kernels.Set) func(dx, dy, y []float32) {
	return func(dx, dy, y []float32) { k.HardSigmoidGrad(dx, dy, y, h.Alpha) }
}

// InPlace may overwrite dy or y.
func (HardSigmoidGrad) InPlace() []int { return []int{0, 1} }
