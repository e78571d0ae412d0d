package plan

import (
	"math"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// naive runs the nodes of a plan without the plan: each has memory of its own, nothing is shared
// but what a mutator changes, on one thread. Nodes that depend on a change run after all others.
type naive struct {
	mem   map[string][]float32
	loops []func()
}

func newNaive(p *Plan, e graph.Env) *naive {
	v := &naive{mem: map[string][]float32{}}
	for _, n := range p.Graph.Nodes {
		if n.IsLeaf() {
			v.mem[n.Name] = make([]float32, n.Shape.Elems())
		}
	}
	runs := map[*graph.Node]bool{}
	for _, s := range slices.Concat(p.static, p.steps) {
		runs[s.node] = true
	}
	early, late := parted(p.Graph, runs)
	for _, n := range slices.Concat(early, late) {
		v.lower(n, e)
	}
	return v
}

// parted is the nodes that run, those behind a mutator apart.
func parted(g *graph.Graph, runs map[*graph.Node]bool) (early, late []*graph.Node) {
	behind := map[*graph.Node]bool{}
	for _, n := range g.Nodes {
		_, behind[n] = n.Op.(graph.Mutator)
		for _, in := range n.In {
			behind[n] = behind[n] || behind[in]
		}
		switch {
		case n.IsLeaf() || !runs[n]:
		case behind[n]:
			late = append(late, n)
		default:
			early = append(early, n)
		}
	}
	return early, late
}

func (v *naive) lower(n *graph.Node, e graph.Env) {
	m := &graph.Mem{Out: make([]float32, n.Shape.Elems())}
	for _, in := range n.In {
		m.In = append(m.In, v.mem[in.Name])
	}
	_, changes := n.Op.(graph.Mutator)
	if changes {
		m.Out = m.In[n.Op.(graph.Aliaser).Alias()]
	}
	v.mem[n.Name] = m.Out
	loop := n.Op.(graph.Lowerer).Lower(&e, n, m)
	m.Scratch = make([]float32, loop.Scratch)
	v.loops = append(v.loops, func() {
		fill(m.Scratch, float32(math.NaN()))
		if !changes {
			fill(m.Out, float32(math.NaN()))
		}
		loop.Run()
	})
}

// run takes the leaves as the plan has them now, and runs.
func (v *naive) run(p *Plan) {
	for _, n := range p.Graph.Nodes {
		if n.IsLeaf() && p.Has(n.Name) {
			copy(v.mem[n.Name], p.Data(n.Name))
		}
	}
	for _, loop := range v.loops {
		loop()
	}
}

// wantAsNaive feeds and runs p some times and compares with the naive run: what lasts, and every
// leaf.
func wantAsNaive(t *testing.T, p *Plan, set kernels.Set, lasts []string) {
	t.Helper()
	v := newNaive(p, envOf(set, 1))
	for k := range 3 {
		feed(p, k)
		v.run(p)
		for _, s := range p.steps { // what a step has not written yet is not there
			if b := p.layout.buffers[p.layout.root[s.node]]; b.inside() {
				fill(p.data[s.node.Name], float32(math.NaN()))
			}
		}
		run(t, p)
		for _, n := range p.Graph.Nodes {
			if n.IsLeaf() && p.Has(n.Name) {
				wantBits(t, "leaf "+n.Name, p.Data(n.Name), v.mem[n.Name])
			}
		}
		for _, name := range lasts {
			wantBits(t, name, p.Data(name), v.mem[name])
		}
	}
}

// inside reports whether a buffer belongs to the steps: there is one, and it is not fed.
func (b *buffer) inside() bool { return b != nil && b.first >= 0 }
