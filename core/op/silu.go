package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// Silu is y = x·sigmoid(x), also called swish. ONNX writes it as Sigmoid and Mul.
type Silu struct{}

// Kind is Silu.
func (Silu) Kind() string { return "Silu" }

// Infer keeps the shape.
func (Silu) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower computes element by element.
func (s Silu) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, expWeight, s.apply(e.Kernels))
}

func (Silu) apply(k kernels.Set) func(y, x []float32) { return k.Silu }

func (Silu) tail(k kernels.Set) *tail { return &tail{bend: k.BiasSilu} }

// Grad needs x: silu falls before it rises, so that y does not tell the slope.
func (Silu) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, SiluGrad{}, dy, n.In[0])
}

// Ties passes channels through.
func (Silu) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (Silu) InPlace() []int { return []int{0} }

// SiluGrad is dx = dy·s·(1+x·(1-s)), s = sigmoid(x).
//
//	dy, x  of one shape
type SiluGrad struct{}

// Kind is SiluGrad.
func (SiluGrad) Kind() string { return "SiluGrad" }

// Infer keeps the shape.
func (SiluGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower computes element by element.
func (s SiluGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return zipLoop(e, n, m, expWeight, s.zip(e.Kernels))
}

func (SiluGrad) zip(k kernels.Set) func(dx, dy, x []float32) { return k.SiluGrad }

// InPlace may overwrite dy or x.
func (SiluGrad) InPlace() []int { return []int{0, 1} }
