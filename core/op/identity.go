package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Identity is y = x, in the same memory.
type Identity struct{}

// Kind is the ONNX name.
func (Identity) Kind() string { return "Identity" }

// Infer keeps the shape.
func (Identity) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Alias shares the memory of x.
func (Identity) Alias() int { return 0 }

// Lower has nothing to do.
func (Identity) Lower(_ *graph.Env, _ *graph.Node, m *graph.Mem) graph.Loop { return aliasLoop(m) }

// Grad passes dy on.
func (Identity) Grad(_ *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return passGrad(dy, want)
}

// Ties passes channels through.
func (Identity) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// aliasLoop is the loop of an op whose output is its input. It copies where a caller gave the
// output memory of its own all the same.
func aliasLoop(m *graph.Mem) graph.Loop {
	return graph.Loop{Run: func() {
		if &m.Out[0] != &m.In[0][0] {
			copy(m.Out, m.In[0])
		}
	}}
}

// passGrad hands dy to input 0.
func passGrad(dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, len(want))
	if want[0] {
		grads[0] = dy
	}
	return grads
}
