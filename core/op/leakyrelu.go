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
	return leakyLoop(e, n, m, 1, 0, func(y []float32) { e.Kernels.Scale(y, l.Alpha, y) })
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
	return leakyLoop(e, n, m, 1, 1, func(dx []float32) { e.Kernels.Scale(dx, l.Alpha, dx) })
}

// InPlace may overwrite dy or v.
func (LeakyReluGrad) InPlace() []int { return []int{0, 1} }

// leakyBlock is the number of floats that leakyLoop works on at a time: few enough for the
// first-level cache to hold them from one kernel to the next.
const leakyBlock = 1024

// leakyLoop is y = In[0] where In[v] > 0, else scale of it, which works in place on rows of width
// floats. The part under each sign is taken out exactly, without a branch on random signs.
func leakyLoop(e *graph.Env, n *graph.Node, m *graph.Mem, width, v int, scale func(y []float32)) graph.Loop {
	block := max(1, leakyBlock/width) * width
	one := func(y, x, v, positive []float32) {
		e.Kernels.ClipGrad(positive, x, v, 0, infinity)
		e.Kernels.Sub(y, x, positive)
		scale(y)
		e.Kernels.Add(y, y, positive)
	}
	return graph.Loop{Scratch: block * e.Pool.Threads(), Run: inWorkerPieces(e, n.Shape.Elems()/width, 4*width, func(lo, hi, worker int) {
		t := m.Scratch[worker*block : (worker+1)*block]
		for at := lo * width; at < hi*width; at += block {
			end := min(at+block, hi*width)
			one(m.Out[at:end], m.In[0][at:end], m.In[v][at:end], t[:end-at])
		}
	})}
}
