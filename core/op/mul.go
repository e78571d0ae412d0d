package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Mul is y = a·b, with broadcasting: a squeeze-and-excitation gate N×1×1×C among others.
type Mul struct{}

// Kind is the ONNX name.
func (Mul) Kind() string { return "Mul" }

// Infer is the shape that both meet in.
func (Mul) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferBinary(in) }

// Lower multiplies row by row where one operand is repeated.
func (Mul) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	scale := func(y, a []float32, s float32) { e.Kernels.Scale(y, s, a) }
	return pairwise{both: e.Kernels.Mul, right: scale, row: e.Kernels.MulRow}.commuting(e, n, m)
}

// Grad is dy times the other operand, summed over what was repeated.
func (Mul) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 2)
	for i, name := range []string{".da", ".db"} {
		if want[i] {
			grads[i] = productBack(g, n.Name+name, dy, n.In[1-i], n.In[i].Shape)
		}
	}
	return grads
}

// Ties ties the channels of both operands.
func (Mul) Ties(n *graph.Node) graph.Ties { return binaryTies(n) }

// InPlace may overwrite either operand.
func (Mul) InPlace() []int { return []int{0, 1} }
