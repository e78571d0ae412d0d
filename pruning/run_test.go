package pruning_test

import (
	"math"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// values is the tensors of one run by name.
type values map[string][]float32

// run computes every node of g, each in memory of its own.
func run(t testing.TB, g *graph.Graph, feeds values) values {
	t.Helper()
	env := &graph.Env{Kernels: kernels.Best(), Pool: kernels.NewPool(1)}
	defer env.Pool.Close()
	mem := values{}
	for _, n := range g.Nodes {
		switch {
		case n.Is(graph.Input):
			if len(feeds[n.Name]) != n.Shape.Elems() {
				t.Fatalf("%s: fed %d values for shape %v", n.Name, len(feeds[n.Name]), n.Shape)
			}
			mem[n.Name] = feeds[n.Name]
		case n.IsLeaf():
			mem[n.Name] = n.Value
		default:
			mem[n.Name] = compute(t, env, n, mem)
		}
	}
	return mem
}

func compute(t testing.TB, env *graph.Env, n *graph.Node, mem values) []float32 {
	t.Helper()
	if a, ok := n.Op.(graph.Aliaser); ok {
		return mem[n.In[a.Alias()].Name]
	}
	m := &graph.Mem{}
	loop := n.Op.(graph.Lowerer).Lower(env, n, m)
	m.Out = tensor.Floats(n.Shape.Elems())
	for _, in := range n.In {
		m.In = append(m.In, mem[in.Name])
	}
	m.Scratch = tensor.Floats(loop.Scratch)
	loop.Run()
	return m.Out
}

// near fails where got leaves want by more than tol of the largest magnitude in want.
func near(t testing.TB, what string, got, want []float32, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	scale := 1e-6
	for _, w := range want {
		scale = max(scale, math.Abs(float64(w)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= tol*scale) {
			t.Fatalf("%s: value %d is %g, want %g (largest %g)", what, i, got[i], want[i], scale)
		}
	}
}
