package graph

import (
	"fmt"

	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// Op says how one tensor is made from others. It is a plain value: attributes only, no buffers.
type Op interface {
	// Kind is the ONNX operator's name, or ours where ONNX has none.
	Kind() string
	// Infer is the shape rule. It refuses inputs that the op is not defined for.
	Infer(in []tensor.Shape) (tensor.Shape, error)
}

// Lowerer is an op that can run. Lower is called once, when a plan is compiled: it reads the
// shapes of n and n.In and returns the loop, which finds its memory in m at each run.
type Lowerer interface {
	Lower(e *Env, n *Node, m *Mem) Loop
}

// Env is what loops run on.
type Env struct {
	Kernels kernels.Set
	Pool    *kernels.Pool
}

// Mem is the memory of one node in one plan, filled in by the plan before the first run.
type Mem struct {
	Out     []float32
	In      [][]float32
	Scratch []float32 // alive only while the loop runs, contents undefined before
}

// Loop is an op made ready: Run allocates nothing. Scratch is counted in floats.
type Loop struct {
	Run     func()
	Scratch int
}

// Grader is an op with a gradient. Grad adds the nodes that make the gradients of n's inputs
// from dy, the gradient of n: one entry an input, nil where want is false or nothing flows.
type Grader interface {
	Grad(g *Graph, n, dy *Node, want []bool) []*Node
}

// Aliaser is an op whose output is the memory of input Alias() under another shape.
type Aliaser interface{ Alias() int }

// InPlacer is an op whose output may take the memory of one of the inputs it names, when that
// input has the same size and is not read again.
type InPlacer interface{ InPlace() []int }

// Mutator is an op that changes the inputs it names: it runs after everything else that reads them.
type Mutator interface{ Mutates() []int }

// Early is an op that runs as soon as its inputs are there, wherever its node stands: it keeps for
// the backward pass what would otherwise keep a larger input alive.
type Early interface{ Early() bool }

// Counter is an op whose multiply-adds are worth counting.
type Counter interface {
	MACs(n *Node) int64
}

// Role says what a leaf is for.
type Role int

const (
	Input Role = iota // fed before each step
	Param             // trained
	Const             // fixed
	State             // kept from step to step: moments, running statistics, averages
)

func (r Role) String() string { return [...]string{"Input", "Param", "Const", "State"}[r] }

// Leaf is the op of a node without inputs.
type Leaf struct{ Role Role }

// Kind is the role's name.
func (l Leaf) Kind() string { return l.Role.String() }

// Infer refuses: a leaf is made by Graph.Leaf, which is given the shape.
func (l Leaf) Infer([]tensor.Shape) (tensor.Shape, error) {
	return nil, fmt.Errorf("a leaf has no shape rule: use Graph.Leaf")
}

// MACs is the number of multiply-adds of one run of the graph.
func (g *Graph) MACs() int64 {
	var total int64
	for _, n := range g.Nodes {
		if c, ok := n.Op.(Counter); ok {
			total += c.MACs(n)
		}
	}
	return total
}
