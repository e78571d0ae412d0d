package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// LeakyRelu is y = x where x > 0, else Alpha·x.
type LeakyRelu struct{ Alpha float32 }

// Kind is the ONNX name.
func (LeakyRelu) Kind() string { return "LeakyRelu" }

// Infer keeps the shape.
func (LeakyRelu) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower scales what is not positive.
func (l LeakyRelu) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, 1, func(y, x []float32) { e.Kernels.Leaky(y, x, x, l.Alpha) })
}

// Grad reads the sign from y where Alpha keeps it, so that x need not outlive the forward pass.
func (l LeakyRelu) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	sign := n
	if !(l.Alpha >= 0) {
		sign = n.In[0]
	}
	return gradOfFirst(g, n, want, LeakyReluGrad(l), dy, sign)
}

// Ties passes channels through.
func (LeakyRelu) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (LeakyRelu) InPlace() []int { return []int{0} }

// LeakyReluGrad is dx = dy where v > 0, else Alpha·dy.
//
//	dy, v  of one shape; v has the sign of x
type LeakyReluGrad struct{ Alpha float32 }

// Kind is LeakyReluGrad.
func (LeakyReluGrad) Kind() string { return "LeakyReluGrad" }

// Infer keeps the shape.
func (LeakyReluGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower scales dy where v is not positive.
func (l LeakyReluGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return zipLoop(e, n, m, 1, func(dx, dy, v []float32) { e.Kernels.Leaky(dx, dy, v, l.Alpha) })
}

// InPlace may overwrite dy or v.
func (LeakyReluGrad) InPlace() []int { return []int{0, 1} }
