package plan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/race"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// growing is a graph that grows at random: ops that work in place, views, fan-out, nodes made
// from parameters alone, statistics that a step changes.
type growing struct {
	*builder
	*rand.Rand
	acts []*graph.Node // activations, batch first
}

// grow is a random graph of some n nodes with loss as its last node.
func grow(seed, n int) *growing {
	w := &growing{newBuilder(), newRand(seed), nil}
	w.acts = []*graph.Node{w.Leaf("x", graph.Input, tensor.Shape{2, 4, 4, 3}, nil)}
	if w.IntN(2) == 0 {
		w.acts = append(w.acts, w.Leaf("x2", graph.Input, tensor.Shape{2, 4, 4, 3}, nil))
	}
	for len(w.acts) < n {
		w.acts = append(w.acts, w.next(w.pick()))
	}
	for range 1 + w.IntN(3) {
		w.Outputs = append(w.Outputs, w.pick())
	}
	total := w.Add("sum", op.Sum{}, w.acts[n-1])
	for range w.IntN(3) {
		total = w.Add("total", op.Add{}, total, w.Add("sum", op.Sum{}, w.Add("squash", op.Tanh{}, w.pick())))
	}
	w.Add("loss", op.Identity{}, total)
	return w
}

// pick is an activation, a late one more likely.
func (w *growing) pick() *graph.Node {
	n := len(w.acts)
	return w.acts[max(w.IntN(n), w.IntN(n))]
}

// like is an activation of the shape of x, x itself if there is no other.
func (w *growing) like(x *graph.Node) *graph.Node {
	for range 8 {
		if y := w.pick(); y.Shape.Equal(x.Shape) {
			return y
		}
	}
	return x
}

var unaries = []graph.Op{op.Relu{}, op.Sigmoid{}, op.HardSwish{}, op.Tanh{}, op.Neg{}, op.Clip{Min: -0.5, Max: 0.5},
	op.LeakyRelu{Alpha: 0.1}, op.Softmax{}, op.Silu{}, op.Exp{}}

func (w *growing) next(x *graph.Node) *graph.Node {
	four := len(x.Shape) == 4
	switch k := w.IntN(14); {
	case k < 3:
		return w.Add("map", unaries[w.IntN(len(unaries))], x)
	case k < 5:
		return w.Add("pair", []graph.Op{op.Add{}, op.Sub{}, op.Mul{}, op.Max{}}[w.IntN(4)], x, w.like(x))
	case k == 5:
		return w.Add("same", []graph.Op{op.Identity{}, op.Dropout{}}[w.IntN(2)], x)
	case k == 6 && four:
		return w.Add("flat", op.Reshape{Dims: []int{x.Shape[1] * x.Shape[2], x.Shape[3]}}, x)
	case k == 6:
		return w.Add("square", op.Reshape{Dims: []int{4, 4, x.Shape.Channels()}}, x)
	case k == 7 && four:
		return w.Add("conv", op.Conv{Pads: [4]int{1, 1, 1, 1}}, x, w.param("conv.w", 3, 3, 3, x.Shape[3]))
	case k == 8:
		return w.norm("bn", x)
	case k == 9:
		return w.trained(x)
	case k == 10:
		return w.Add("slice", op.Slice{Axis: len(x.Shape) - 1, Start: 1, Count: 3}, w.Add("concat", op.Concat{Axis: len(x.Shape) - 1}, x, w.like(x)))
	case k == 11 && four:
		return w.Add("pool", op.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Pads: [4]int{1, 1, 1, 1}}, x)
	case k == 12 && four:
		gate := w.Add("gate", op.Sigmoid{}, w.Add("gap", op.GlobalAveragePool{}, x))
		if w.IntN(2) == 0 {
			return w.Add("gated", op.Add{}, gate, w.like(x))
		}
		return w.Add("gated", op.Mul{}, w.like(x), gate)
	}
	return w.byRow(x)
}

// byRow joins x with a row made from parameters alone.
func (w *growing) byRow(x *graph.Node) *graph.Node {
	row := w.leaf([]graph.Role{graph.Param, graph.Const}[w.IntN(2)], "row", 1, 0.5, x.Shape.Channels())
	for range w.IntN(3) {
		row = w.Add("static", []graph.Op{op.Relu{}, op.Identity{}, op.Tanh{}}[w.IntN(3)], row)
	}
	return w.Add("row.pair", []graph.Op{op.Add{}, op.Mul{}}[w.IntN(2)], x, row)
}

// trained is batch norm on the statistics of the batch, which running ones follow.
func (w *growing) trained(x *graph.Node) *graph.Node {
	c := x.Shape.Channels()
	mean := w.Add("mean", op.BatchMean{}, x)
	variance := w.Add("var", op.BatchVar{}, x, mean)
	state := w.leaf(graph.State, "running", 0, 1, c)
	w.Add("follow", op.RunningUpdate{Momentum: 0.1}, state, mean)
	y := w.Add("bn.train", op.BatchNormTrain{Eps: 1e-2}, x, w.leaf(graph.Param, "gamma", 1, 0.1, c), w.leaf(graph.Param, "beta", 0, 0.1, c), mean, variance)
	if w.IntN(2) == 0 { // reads the statistics as they were before the step
		y = w.Add("drift", op.Sub{}, y, w.Add("running.view", op.Identity{}, state))
	}
	return y
}

// some are names of a few activations that the loss or an output may read.
func (w *growing) some(n int) []string {
	var names []string
	for range n {
		if name := w.pick().Name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// randomGraphs is how many graphs each property is tried on.
func randomGraphs() int {
	if race.Enabled {
		return 30
	}
	return 150
}

// everyPlan calls f with plans of random graphs for inference, gradients and updates, and with
// the names of what lasts.
func everyPlan(t *testing.T, f func(t *testing.T, p *Plan, lasts []string)) {
	for seed := range randomGraphs() {
		w := grow(seed, 4+seed%24)
		o := Options{Env: plain(), Keep: w.some(w.IntN(4))}
		what := "inference"
		switch seed % 3 {
		case 1:
			what, o.Loss, o.Wrt = "gradients", "loss", append(params(w.Graph, "conv", "bn", "row"), w.some(2)...)
		case 2:
			what, o.Loss, o.Wrt, o.Rule = "updates", "loss", params(w.Graph, "conv", "bn", "row", "gamma"), someRule(seed)
		}
		t.Run(fmt.Sprintf("%s %d", what, seed), func(t *testing.T) { f(t, compileRandom(t, w, o), lasting(w.Graph, o)) })
	}
}

func someRule(seed int) *optim.Rule {
	clipped, adam, plain := optim.SGD(0.01), optim.AdamW(0.01), optim.Rule{Momentum: 0.9}
	clipped.Average, plain.Average = 0.9, 0.9
	return []*optim.Rule{&clipped, &adam, &plain}[seed/3%3]
}

// compileRandom skips a graph whose loss reads no parameter.
func compileRandom(t *testing.T, w *growing, o Options) *Plan {
	t.Helper()
	p, err := Compile(w.Graph, o)
	if o.Rule != nil && err != nil {
		wantError(t, err, "depends on none of")
		t.Skip("nothing to train")
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lasting is what a plan with these options promises to be there after a run.
func lasting(g *graph.Graph, o Options) []string {
	names := slices.Clone(o.Keep)
	if o.Loss != "" {
		return append(names, o.Loss)
	}
	for _, n := range g.Outputs {
		names = append(names, n.Name)
	}
	return names
}

func TestRandomPlansComputeWhatTheNodesSay(t *testing.T) {
	everyPlan(t, func(t *testing.T, p *Plan, lasts []string) {
		wantAsNaive(t, p, kernels.Generic(), append(lasts, p.keptGrads()...))
	})
}

// keptGrads are the gradients that last: those that no update consumes.
func (p *Plan) keptGrads() []string {
	if p.Graph.Node(optim.Rate) != nil {
		return nil
	}
	return slices.Collect(maps.Values(p.grads))
}

func TestRandomPlansLayMemoryOutRightly(t *testing.T) {
	everyPlan(t, func(t *testing.T, p *Plan, lasts []string) {
		wantBuffersApart(t, p.layout)
		wantValuesIntact(t, p, append(lasts, p.keptGrads()...))
	})
}

// wantBuffersApart holds that no two buffers alive together share a float.
func wantBuffersApart(t *testing.T, l *layout) {
	t.Helper()
	for i, a := range l.all {
		if a.at < 0 || a.at+a.size > l.floats || a.at%(tensor.Align/4) != 0 {
			t.Errorf("buffer at %d of %d floats in an arena of %d", a.at, a.size, l.floats)
		}
		for _, b := range l.all[:i] {
			if a.first <= b.last && b.first <= a.last && a.at < b.at+b.size && b.at < a.at+a.size {
				t.Errorf("buffers %+v and %+v are alive together and overlap", *a, *b)
			}
		}
	}
}

// span32 is where floats lie in memory.
type span32 struct{ lo, hi uintptr }

func spanOf(v []float32) span32 {
	p := uintptr(unsafe.Pointer(unsafe.SliceData(v)))
	return span32{p, p + 4*uintptr(len(v))}
}

func (a span32) meets(b span32) bool { return a.lo < b.hi && b.lo < a.hi }

// wantValuesIntact follows every value from the step that makes it to the last that reads it and
// holds that no step in between writes there: no output, unless it is a view or takes the place
// of a value that nobody reads any more, and no scratch. It knows memory by its addresses alone.
func wantValuesIntact(t *testing.T, p *Plan, lasts []string) {
	t.Helper()
	end := len(p.steps)
	lastRead := map[*graph.Node]int{}
	for i, s := range p.steps {
		for _, in := range s.node.In {
			lastRead[in] = i
		}
	}
	for _, name := range lasts {
		lastRead[p.Graph.Node(name)] = end
	}
	made := map[*graph.Node]int{}
	for i, s := range p.steps {
		made[s.node] = i
	}
	for _, n := range p.Graph.Nodes {
		from, runs := made[n]
		switch {
		case n.Is(graph.Input): // fed before, read after
			from, lastRead[n] = -1, end
		case n.IsLeaf() || !runs && p.Has(n.Name): // values of their own, prepared ones
			from, lastRead[n] = -1, end
		case !runs:
			continue
		}
		for i := from + 1; i <= min(lastRead[n], end-1); i++ {
			if offends(p, n, i, lastRead[n]) {
				t.Errorf("%s, made at step %d and last read at %d, is overwritten at step %d by %s", n.Name, from, lastRead[n], i, p.steps[i].node.Name)
			}
		}
	}
}

// offends reports whether step i writes to n, which is read until last, though it may not.
func offends(p *Plan, n *graph.Node, i, last int) bool {
	at, s := spanOf(p.data[n.Name]), p.steps[i].node
	if scratch := p.layout.mems[i].Scratch; len(scratch) > 0 && spanOf(scratch).meets(at) {
		return true
	}
	if m, ok := s.Op.(graph.Mutator); ok {
		for _, k := range m.Mutates() {
			if spanOf(p.data[s.In[k].Name]).meets(at) && ownerOf(n) != ownerOf(s.In[k]) {
				return true
			}
		}
		return false
	}
	if !spanOf(p.data[s.Name]).meets(at) {
		return false
	}
	if _, view := s.Op.(graph.Aliaser); view { // writes nothing where the memory is the same
		return spanOf(p.data[s.Name]) != spanOf(p.data[s.In[s.Op.(graph.Aliaser).Alias()].Name])
	}
	if i < last {
		return true
	}
	ip, ok := s.Op.(graph.InPlacer)
	if !ok {
		return true
	}
	k := slices.Index(s.In, n)
	return !slices.Contains(ip.InPlace(), k) || spanOf(p.data[s.Name]) != at || slices.Index(s.In[k+1:], n) >= 0
}
