// Package plan lays a graph out in memory and runs it. Compiling is eight passes over one state:
// fold, differentiate, update, pack, fuse, order, place, lower. A plan owns one arena, sized before the first
// step; running it allocates nothing.
package plan

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/grad"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
)

// Options says what a plan is for. Nodes are named, since passes make graphs from graphs.
type Options struct {
	Env   graph.Env
	Batch int // images a step; 0: as the graph has it

	// Fold folds batch normalization into the convolution before it: inference. With a Loss
	// frozen statistics are folded in any case.
	Fold bool
	// Keep are nodes, beside the outputs, whose contents are wanted after a run.
	Keep []string

	// Loss, when set, is differentiated with respect to Wrt; the gradient of each is kept.
	Loss string
	Wrt  []string
	// Gates are activations whose gate gradients are kept beside, as NAME+GateSuffix: N×C, of each image's share in
	// Loss. They cost one multiply-add an activation (op.GateGrad), since the gradients are made anyway.
	Gates []string
	// Rule, when set, updates the parameters of Wrt in place instead of keeping gradients.
	Rule *optim.Rule

	// Budget bounds the bytes of arena and leaves together; 0: no bound.
	Budget int64
}

// Compile makes a plan of g. Leaf values are shared with g: a plan that updates parameters
// updates them in g. A plan over its budget is a *BudgetError.
func Compile(g *graph.Graph, o Options) (*Plan, error) {
	return orLean(func(lean bool) (*Plan, error) {
		c := &compiler{Options: o, lean: lean, grads: map[string]string{}}
		return c.compile(g)
	})
}

func (c *compiler) compile(g *graph.Graph) (*Plan, error) {
	if err := c.layOut(g); err != nil {
		return nil, err
	}
	if err := c.lower(); err != nil {
		return nil, fmt.Errorf("lower: %w", err)
	}
	return c.plan, nil
}

// layOut is every pass but the last: the nodes in order, each with its place.
func (c *compiler) layOut(g *graph.Graph) error {
	var err error
	if c.g, err = rebatch(g, c.Batch); err != nil {
		return err
	}
	for _, pass := range []struct {
		name string
		run  func() error
	}{
		{"fold", c.fold}, {"branches", c.branches}, {"normalize", c.normalize}, {"differentiate", c.differentiate}, {"update", c.update},
		{"apply", c.apply}, {"recompute", c.recompute},
		{"pack", c.pack}, {"stream", c.stream}, {"fuse inputs", c.fuseInputs}, {"measure", c.measure}, {"fuse", c.fuse}, {"order", c.order}, {"place", c.place},
	} {
		if err := pass.run(); err != nil {
			return fmt.Errorf("%s: %w", pass.name, err)
		}
	}
	return nil
}

// Need is the bytes of a plan of g, arena, leaves and prepared weights together: what Options.Budget bounds.
// Nothing of that size is taken, and the values of leaves do not matter.
func Need(g *graph.Graph, o Options) (int64, error) {
	o.Budget = 0
	c := &compiler{Options: o, grads: map[string]string{}}
	if err := c.layOut(g); err != nil {
		return 0, err
	}
	return c.need().Need, nil
}

// compiler is what the passes hand on.
type compiler struct {
	Options
	lean             bool // pack weights in each step, though they rest
	g                *graph.Graph
	grads            map[string]string // name of a node of Wrt → name of its gradient
	updates          []*graph.Node
	steps            []*graph.Node // what runs at each step, in order
	static           []*graph.Node // what depends on leaves alone: runs when they changed
	layout, prepared *layout       // of steps and static
	plan             *Plan
}

func rebatch(g *graph.Graph, n int) (*graph.Graph, error) {
	if n == 0 || n == g.Batch() {
		c, _ := g.Clone()
		return c, nil
	}
	c, _, err := g.WithBatch(n)
	return c, err
}

func (c *compiler) node(name string) (*graph.Node, error) {
	n := c.g.Node(name)
	if n == nil {
		return nil, fmt.Errorf("no node is named %q", name)
	}
	return n, nil
}

// differentiate adds the backward pass.
func (c *compiler) differentiate() error {
	if c.Loss == "" {
		return nil
	}
	loss, err := c.node(c.Loss)
	if err != nil {
		return err
	}
	wrt := make([]*graph.Node, len(c.Wrt))
	for i, name := range c.Wrt {
		if wrt[i], err = c.node(name); err != nil {
			return err
		}
	}
	gates := make([]*graph.Node, len(c.Gates))
	for i, name := range c.Gates {
		if gates[i], err = c.node(name); err != nil {
			return err
		}
	}
	grads, err := grad.Differentiate(c.g, loss, append(wrt, gates...))
	if err != nil {
		return err
	}
	for _, n := range wrt {
		if d := grads[n]; d != nil {
			c.grads[n.Name] = d.Name
		}
	}
	c.Keep = slices.Clone(c.Keep)
	for _, a := range gates {
		if d := grads[a]; d != nil {
			c.Keep = append(c.Keep, c.g.Add(a.Name+GateSuffix, op.GateGrad{}, a, d).Name)
		}
	}
	return nil
}

// GateSuffix is what the gate gradient of an activation is called beside it.
const GateSuffix = ".gate"

// update adds the optimiser's nodes.
func (c *compiler) update() error {
	if c.Rule == nil {
		return nil
	}
	var ps, gs []*graph.Node
	for _, name := range c.Wrt {
		p := c.g.Node(name)
		if p == nil || p.Value == nil {
			return fmt.Errorf("%q cannot be trained: it is not a leaf with a value", name)
		}
		if d, ok := c.grads[name]; ok {
			ps, gs = append(ps, p), append(gs, c.g.Node(d))
		}
	}
	if len(ps) == 0 {
		return fmt.Errorf("loss %q depends on none of the %d parameters to train", c.Loss, len(c.Wrt))
	}
	c.updates = c.Rule.Update(c.g, ps, gs)
	return nil
}
