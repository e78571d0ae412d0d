package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// HardSwish is y = x·min(max(x/6+½, 0), 1).
type HardSwish struct{}

// Kind is the ONNX name.
func (HardSwish) Kind() string { return "HardSwish" }

// Infer keeps the shape.
func (HardSwish) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower computes element by element.
func (h HardSwish) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, 1, h.apply(e.Kernels))
}

func (HardSwish) apply(k kernels.Set) func(y, x []float32) { return k.HardSwish }

func (HardSwish) tail(k kernels.Set) *tail { return &tail{bend: k.BiasHardSwish} }

// Grad needs x: hard swish falls before it rises, so that y does not tell the slope.
func (HardSwish) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, HardSwishGrad{}, dy, n.In[0])
}

// Ties passes channels through.
func (HardSwish) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (HardSwish) InPlace() []int { return []int{0} }

// HardSwishGrad is dx = dy·(x/3+½) where -3 < x < 3, dy above, 0 below.
//
//	dy, x  of one shape
type HardSwishGrad struct{}

// Kind is HardSwishGrad.
func (HardSwishGrad) Kind() string { return "HardSwishGrad" }

// Infer keeps the shape.
func (HardSwishGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower computes element by element.
func (h HardSwishGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return zipLoop(e, n, m, 1, h.zip(e.Kernels))
}

func (HardSwishGrad) zip(k kernels.Set) func(dx, dy, x []float32) { return k.HardSwishGrad }

// InPlace may overwrite dy or x.
func (HardSwishGrad) InPlace() []int { return []int{0, 1} }
