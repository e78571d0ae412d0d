package plan

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// BudgetError says that a plan needs more memory than it may have.
type BudgetError struct {
	Need, Budget          int64 // bytes
	Arena, Leaves, Static int64 // what Need is made of
	Peak                  string
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("the plan needs %.1f MiB (arena %.1f, parameters and state %.1f, prepared weights %.1f), the budget is %.1f MiB; the arena peaks at %s",
		mib(e.Need), mib(e.Arena), mib(e.Leaves), mib(e.Static), mib(e.Budget), e.Peak)
}

func mib(b int64) float64 { return float64(b) / (1 << 20) }

// buffer is a piece of the arena and the steps during which it holds something.
type buffer struct {
	size, at    int // floats
	first, last int // steps, both included
}

// layout is where every node that runs has its memory.
type layout struct {
	root    map[*graph.Node]*graph.Node // whose memory a node shares
	buffers map[*graph.Node]*buffer     // by root
	all     []*buffer                   // the same and scratch, in the order they were made
	scratch []*buffer                   // by step
	loops   []graph.Loop
	mems    []*graph.Mem
	floats  int // length of the arena
}

// lane rounds up to the alignment.
func lane(n int) int {
	const l = tensor.Align / 4
	return (n + l - 1) / l * l
}

// place gives each tensor its stretch of the arena: tensors that are never alive together share it.
// What is prepared has an arena of its own, which lasts from run to run.
func (c *compiler) place() error {
	wanted, err := c.wanted()
	if err != nil {
		return err
	}
	c.layout, c.prepared = newLayout(), newLayout()
	c.layout.feeds(c.g, len(c.steps))
	if err := c.layout.place(c.Env, c.steps, wanted); err != nil {
		return err
	}
	for _, n := range c.steps {
		wanted = append(wanted, n.In...)
	}
	if err := c.prepared.place(c.Env, c.static, wanted); err != nil {
		return err
	}
	return c.checkBudget()
}

func newLayout() *layout {
	return &layout{root: map[*graph.Node]*graph.Node{}, buffers: map[*graph.Node]*buffer{}}
}

// place lays out nodes that run in that order; what is wanted outlives the run.
func (l *layout) place(e graph.Env, steps, wanted []*graph.Node) error {
	last := lastReads(steps, wanted)
	for i, n := range steps {
		if err := l.add(e, i, n, last); err != nil {
			return err
		}
	}
	l.pack()
	return nil
}

// lastReads is for each node the last step that reads it; what must outlive the run gets one more.
func lastReads(steps, wanted []*graph.Node) map[*graph.Node]int {
	last := map[*graph.Node]int{}
	for i, n := range steps {
		last[n] = i
		for _, in := range n.In {
			last[in] = i
		}
	}
	for _, n := range wanted {
		last[n] = len(steps)
	}
	return last
}

// feeds keeps inputs alive for the whole run, so that they can be fed before it and read after.
func (l *layout) feeds(g *graph.Graph, end int) {
	for _, n := range g.Role(graph.Input) {
		l.root[n] = n
		l.buffers[n] = l.buffer(n.Shape.Elems(), -1, end)
	}
}

func (l *layout) add(e graph.Env, i int, n *graph.Node, last map[*graph.Node]int) error {
	lo, ok := n.Op.(graph.Lowerer)
	if !ok {
		return fmt.Errorf("%s: %s cannot be run", n.Name, n.Op.Kind())
	}
	m := &graph.Mem{}
	loop := lo.Lower(&e, n, m)
	l.loops, l.mems = append(l.loops, loop), append(l.mems, m)
	l.scratch = append(l.scratch, l.buffer(loop.Scratch, i, i))
	if r := l.share(i, n, last); r != nil {
		l.root[n] = r
		if b := l.buffers[r]; b != nil {
			b.last = max(b.last, last[n])
		}
		return nil
	}
	l.root[n] = n
	l.buffers[n] = l.buffer(n.Shape.Elems(), i, last[n])
	return nil
}

func (l *layout) buffer(floats, first, last int) *buffer {
	b := &buffer{size: lane(floats), first: first, last: last}
	l.all = append(l.all, b)
	return b
}

// share is the root whose memory n takes over, nil if it gets its own. Feeds, leaves and prepared
// nodes are never taken over in place, nor what is read later, nor what n reads twice: a loop may
// read the second time after it has written.
func (l *layout) share(i int, n *graph.Node, last map[*graph.Node]int) *graph.Node {
	if a, ok := n.Op.(graph.Aliaser); ok {
		return l.rootOf(n.In[a.Alias()])
	}
	p, ok := n.Op.(graph.InPlacer)
	if !ok {
		return nil
	}
	for _, k := range p.InPlace() {
		if k >= len(n.In) {
			continue
		}
		r := l.rootOf(n.In[k])
		if b := l.buffers[r]; b != nil && b.last <= i && n.In[k].Shape.Elems() == n.Shape.Elems() && l.reads(n, r) == 1 {
			return r
		}
	}
	return nil
}

// reads is the number of inputs of n that lie in the memory of r.
func (l *layout) reads(n, r *graph.Node) int {
	count := 0
	for _, in := range n.In {
		if l.rootOf(in) == r {
			count++
		}
	}
	return count
}

// rootOf is the node that owns the memory of n: n itself for leaves and static nodes.
func (l *layout) rootOf(n *graph.Node) *graph.Node {
	if r := l.root[n]; r != nil {
		return r
	}
	return n
}

// pack gives offsets, largest buffer first, each at the lowest place that is free while it lives
// (greedy by size, Pisarchyk & Lee 2020, arXiv:2001.03288, alg. 3).
func (l *layout) pack() {
	bySize := slices.Clone(l.all)
	slices.SortStableFunc(bySize, func(a, b *buffer) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last))
	})
	var placed []*buffer // by offset
	for _, b := range bySize {
		if b.size == 0 {
			break
		}
		b.at = lowest(b, placed)
		k := sort.Search(len(placed), func(k int) bool { return placed[k].at > b.at })
		placed = append(placed, nil)
		copy(placed[k+1:], placed[k:])
		placed[k] = b
		l.floats = max(l.floats, b.at+b.size)
	}
}

// lowest is the first gap among the placed buffers alive with b that holds it.
func lowest(b *buffer, placed []*buffer) int {
	at := 0
	for _, p := range placed {
		if p.first > b.last || p.last < b.first {
			continue
		}
		if p.at >= at+b.size {
			break
		}
		at = max(at, p.at+p.size)
	}
	return at
}

// need is what arena, leaves and prepared weights take.
func (c *compiler) need() *BudgetError {
	e := &BudgetError{Budget: c.Budget, Arena: 4 * int64(c.layout.floats), Static: 4 * int64(c.prepared.floats)}
	need := c.g.Need(slices.Concat(c.steps, c.static)...)
	for _, n := range c.g.Nodes {
		if need[n.ID] && n.Value != nil {
			e.Leaves += 4 * int64(len(n.Value))
		}
	}
	e.Need = e.Arena + e.Leaves + e.Static
	return e
}

// checkBudget compares what is needed with the budget.
func (c *compiler) checkBudget() error {
	e := c.need()
	if c.Budget == 0 || e.Need <= c.Budget {
		return nil
	}
	e.Peak = c.peak()
	return e
}

// peak names the step at which most bytes are alive.
func (c *compiler) peak() string {
	alive := c.layout.alive(len(c.steps))
	at := 0
	for i, a := range alive {
		if a > alive[at] {
			at = i
		}
	}
	if len(c.steps) == 0 {
		return "no step"
	}
	return c.steps[at].Name
}

// alive is the number of floats that hold something at each step.
func (l *layout) alive(steps int) []int {
	alive := make([]int, steps)
	for _, b := range l.all {
		for i := max(b.first, 0); i <= min(b.last, steps-1); i++ {
			alive[i] += b.size
		}
	}
	return alive
}
