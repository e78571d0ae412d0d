package plan

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	gorgonia "gorgonia.org/tensor"
)

// Plan is a graph ready to run.
type Plan struct {
	Graph *graph.Graph
	// Hook, when set, is called between the loops of a run: to pause, or to stop it by an error.
	Hook func() error

	steps, static []step
	arena         []float32
	prepared      []float32 // what static steps make
	data          map[string][]float32
	grads         map[string]string
	dense         map[string]*gorgonia.Dense
	layout        *layout
	spans         []span // of the last traced run
}

// step is one node with its loop and memory.
type step struct {
	node *graph.Node
	run  func()
}

// lower binds every loop to its memory and prepares what is static.
func (c *compiler) lower() error {
	l := c.layout
	p := &Plan{Graph: c.g, arena: tensor.Floats(l.floats), prepared: tensor.Floats(c.prepared.floats),
		data: map[string][]float32{}, grads: c.grads, dense: map[string]*gorgonia.Dense{}, layout: l}
	for _, n := range c.g.Nodes {
		if n.Value != nil {
			p.data[n.Name] = n.Value
		} else if b := l.buffers[n]; b != nil {
			p.data[n.Name] = view(p.arena, b, n)
		}
	}
	p.static = p.bound(c.prepared, p.prepared, c.static)
	p.steps = p.bound(l, p.arena, c.steps)
	c.plan = p
	p.Refresh()
	return nil
}

// bound is nodes with their loops bound to an arena.
func (p *Plan) bound(l *layout, arena []float32, nodes []*graph.Node) []step {
	var steps []step
	for i, n := range nodes {
		if b := l.buffers[l.root[n]]; b != nil {
			p.data[n.Name] = view(arena, b, n)
		} else {
			p.data[n.Name] = p.data[l.root[n].Name]
		}
		s := l.scratch[i]
		l.mems[i].Scratch = arena[s.at : s.at+s.size]
		p.bind(l.mems[i], n)
		steps = append(steps, step{n, l.loops[i].Run})
	}
	return steps
}

func view(arena []float32, b *buffer, n *graph.Node) []float32 {
	return arena[b.at : b.at+n.Shape.Elems() : b.at+n.Shape.Elems()]
}

func (p *Plan) bind(m *graph.Mem, n *graph.Node) {
	m.Out = p.data[n.Name]
	for _, in := range n.In {
		m.In = append(m.In, p.data[in.Name])
	}
}

// Refresh computes again what depends on parameters alone. Call it after changing a leaf's value
// from outside the plan.
func (p *Plan) Refresh() {
	for _, s := range p.static {
		s.run()
	}
}

// Run runs every loop once. It allocates nothing; the error is the hook's.
func (p *Plan) Run() error {
	for i := range p.steps {
		if p.Hook != nil {
			if err := p.Hook(); err != nil {
				return err
			}
		}
		p.steps[i].run()
	}
	return nil
}

// Data is the memory of a node: of an Input before a run, of an output or kept node after it, of
// a leaf at any time. It panics on a name that has no memory in this plan.
func (p *Plan) Data(name string) []float32 {
	d, ok := p.data[name]
	if !ok {
		panic(fmt.Errorf("plan: %q has no memory", name))
	}
	return d
}

// Has reports whether the node of that name is part of the plan.
func (p *Plan) Has(name string) bool { _, ok := p.data[name]; return ok }

// Grad is the gradient with respect to a node of Wrt, nil if the loss does not depend on it.
func (p *Plan) Grad(name string) []float32 {
	d, ok := p.grads[name]
	if !ok {
		return nil
	}
	return p.Data(d)
}

// Tensor is Data as a *tensor.Dense over the same memory, wrapped once.
func (p *Plan) Tensor(name string) *gorgonia.Dense {
	if t := p.dense[name]; t != nil {
		return t
	}
	t := tensor.Wrap(p.Data(name), p.Graph.Node(name).Shape)
	p.dense[name] = t
	return t
}

// ArenaBytes is the size of the memory that activations, gradients and scratch share.
func (p *Plan) ArenaBytes() int64 { return 4 * int64(len(p.arena)) }

// Steps is the number of loops in a run.
func (p *Plan) Steps() int { return len(p.steps) }
