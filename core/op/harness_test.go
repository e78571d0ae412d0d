package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/race"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// value is one input of an op under test.
type value struct {
	shape tensor.Shape
	v     []float32
}

// val is a value from its shape and elements.
func val(s tensor.Shape, v ...float32) value { return value{s, v} }

// gradOpts says how a case of testOps is made and judged; the zero value suits a smooth op.
type gradOpts struct {
	fill   func(input int, rng *rand.Rand, v []float32) // nil is uniform(-1, 1)
	noGrad []int                                        // inputs without a gradient
	step   float64                                      // of the difference quotient, 0 is 1/32
	tol    float64                                      // of the largest gradient, 0 is 2e-3
	noCut  bool                                         // the ties do not mean equal numbers
}

// opCase is a line of a table over ops.
type opCase struct {
	name string
	op   graph.Op
	in   []tensor.Shape
	gradOpts
}

// testOps runs each case as a test of its own: gradient, sets, thread counts, in-place, ties.
func testOps(t *testing.T, cases []opCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			checkGrad(t, c.name, c.op, c.in, c.gradOpts)
			if !c.noCut {
				checkTies(t, c.op, c.in, c.gradOpts)
			}
		})
	}
}

// uniform fills with numbers between lo and hi.
func uniform(lo, hi float32) func(int, *rand.Rand, []float32) {
	return func(_ int, rng *rand.Rand, v []float32) {
		for i := range v {
			v[i] = lo + (hi-lo)*rng.Float32()
		}
	}
}

// awayFrom fills with numbers between -2 and 2 that keep a quarter away from each kink.
func awayFrom(kinks ...float32) func(int, *rand.Rand, []float32) {
	return func(_ int, rng *rand.Rand, v []float32) {
		for i := range v {
			for {
				v[i] = 4*rng.Float32() - 2
				if !slices.ContainsFunc(kinks, func(k float32) bool { return abs32(v[i]-k) < 0.25 }) {
					break
				}
			}
		}
	}
}

// distinct fills with a shuffled ladder of steps of a quarter, so that no maximum is close.
func distinct(_ int, rng *rand.Rand, v []float32) {
	for i, p := range rng.Perm(len(v)) {
		v[i] = 0.25 * (float32(p) - float32(len(v))/2)
	}
}

// byInput fills each input by its own rule, uniform(-1, 1) where f has none.
func byInput(f map[int]func(int, *rand.Rand, []float32)) func(int, *rand.Rand, []float32) {
	return func(i int, rng *rand.Rand, v []float32) {
		if f[i] == nil {
			uniform(-1, 1)(i, rng, v)
			return
		}
		f[i](i, rng, v)
	}
}

func abs32(x float32) float32 { return max(x, -x) }

// testPool is a pool of that many threads, started once for all tests.
func testPool(threads int) *kernels.Pool {
	poolsMu.Lock()
	defer poolsMu.Unlock()
	if pools[threads] == nil {
		pools[threads] = kernels.NewPool(threads)
	}
	return pools[threads]
}

var (
	poolsMu sync.Mutex
	pools   = map[int]*kernels.Pool{}
)

// testPlan is a graph with memory of its own for every node: no arena, nothing shared but aliases.
type testPlan struct {
	t     testing.TB
	g     *graph.Graph
	mem   [][]float32
	loops []func()
	fence []func() error
}

const fenceFloats = 32

// prepare lowers every node. inPlace >= 0 gives the last node the memory of that input.
func prepare(t testing.TB, g *graph.Graph, set kernels.Set, threads, inPlace int) *testPlan {
	t.Helper()
	p := &testPlan{t: t, g: g, mem: make([][]float32, len(g.Nodes))}
	env := &graph.Env{Kernels: set, Pool: testPool(threads)}
	for _, n := range g.Nodes {
		if n.IsLeaf() {
			p.mem[n.ID] = p.fenced(n.Name, n.Shape.Elems())
			continue
		}
		p.lower(env, n, inPlace >= 0 && n.ID == len(g.Nodes)-1, inPlace)
	}
	return p
}

func (p *testPlan) lower(env *graph.Env, n *graph.Node, inPlace bool, k int) {
	p.t.Helper()
	l, runs := n.Op.(graph.Lowerer)
	a, alias := n.Op.(graph.Aliaser)
	m := &graph.Mem{}
	loop := graph.Loop{}
	if runs {
		loop = l.Lower(env, n, m)
	} else if !alias {
		p.t.Fatalf("%s can neither run nor alias", n.Op.Kind())
	}
	for _, in := range n.In {
		m.In = append(m.In, p.mem[in.ID])
	}
	switch {
	case alias:
		m.Out = m.In[a.Alias()][:n.Shape.Elems()]
	case inPlace:
		m.Out = m.In[k]
	default:
		m.Out = p.fenced(n.Name, n.Shape.Elems())
	}
	if p.mem[n.ID] = m.Out; len(m.Out) != n.Shape.Elems() {
		p.t.Fatalf("%s: %d floats for shape %v", n.Name, len(m.Out), n.Shape)
	}
	if loop.Run == nil {
		return
	}
	m.Scratch = p.fenced(n.Name+" scratch", loop.Scratch)
	p.loops = append(p.loops, func() { fillNaN(m.Scratch) }, loop.Run)
}

// fenced is a buffer of NaN with a guard behind it that run looks at.
func (p *testPlan) fenced(name string, n int) []float32 {
	b := tensor.Floats(n + fenceFloats)
	fillNaN(b[:n])
	for i := n; i < len(b); i++ {
		b[i] = 12345
	}
	p.fence = append(p.fence, func() error {
		for i, v := range b[n:] {
			if v != 12345 {
				return fmt.Errorf("%s: wrote %g at %d, behind its %d floats", name, v, n+i, n)
			}
		}
		return nil
	})
	return b[:n:n]
}

func fillNaN(v []float32) {
	nan := float32(math.NaN())
	for i := range v {
		v[i] = nan
	}
}

// run sets the leaves to their values, runs all loops and looks at the fences.
func (p *testPlan) run() {
	p.t.Helper()
	for _, n := range p.g.Nodes {
		if n.Value != nil {
			copy(p.mem[n.ID], n.Value)
		}
	}
	for _, loop := range p.loops {
		loop()
	}
	for _, f := range p.fence {
		if err := f(); err != nil {
			p.t.Fatal(err)
		}
	}
}

// oneNode is a graph of parameters and one op on them.
func oneNode(t testing.TB, op graph.Op, in []value) (*graph.Graph, *graph.Node) {
	t.Helper()
	g := graph.New()
	args := make([]*graph.Node, len(in))
	for i, x := range in {
		args[i] = g.Leaf(fmt.Sprintf("x%d", i), graph.Param, x.shape, x.v)
	}
	n, err := g.Try("y", op, args...)
	if err != nil {
		t.Fatal(err)
	}
	return g, n
}

// runNode is the op's output with the generic kernels. It also runs every set of the machine on
// pools of 1, 2 and 3 threads, and in place where the op allows that.
func runNode(t testing.TB, op graph.Op, in ...value) []float32 {
	t.Helper()
	g, n := oneNode(t, op, in)
	p := sameEverywhere(t, g)
	if ip, ok := op.(graph.InPlacer); ok {
		for _, k := range ip.InPlace() {
			if k >= len(in) || len(in[k].v) != n.Shape.Elems() {
				continue
			}
			q := prepare(t, g, kernels.Generic(), 1, k)
			q.run()
			wantBits(t, fmt.Sprintf("%s in place of input %d", op.Kind(), k), q.mem[n.ID], p.mem[n.ID])
		}
	}
	return slices.Clone(p.mem[n.ID])
}

// sameEverywhere runs g on each set and thread count: one set gives the same bits for any
// number of threads, and all sets agree to rounding. It returns the plan of the generic set.
func sameEverywhere(t testing.TB, g *graph.Graph) *testPlan {
	t.Helper()
	want := prepare(t, g, kernels.Generic(), 1, -1)
	want.run()
	for _, set := range kernels.Available() {
		one := prepare(t, g, set, 1, -1)
		one.run()
		for _, n := range g.Nodes {
			wantClose(t, set.Name+": "+n.Name, one.mem[n.ID], want.mem[n.ID], 1e-4)
		}
		for threads := 2; threads <= 3; threads++ {
			p := prepare(t, g, set, threads, -1)
			p.run()
			for _, n := range g.Nodes {
				wantBits(t, fmt.Sprintf("%s: %s on %d threads", set.Name, n.Name, threads), p.mem[n.ID], one.mem[n.ID])
			}
		}
	}
	checkAllocs(t, want)
	return want
}

// checkAllocs holds that loops allocate nothing.
func checkAllocs(t testing.TB, p *testPlan) {
	t.Helper()
	var before, after runtime.MemStats
	if race.Enabled {
		return
	}
	least := uint64(math.MaxUint64)
	for range 3 { // other goroutines may allocate now and then
		runtime.ReadMemStats(&before)
		for _, loop := range p.loops {
			loop()
		}
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	if least > 0 {
		t.Errorf("%d allocations in a run of\n%v", least, p.g)
	}
	p.run()
}

// wantBits fails unless both are the same bits.
func wantBits(t testing.TB, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %g, want the bits of %g", what, i, got[i], want[i])
		}
	}
}

// wantClose fails where the difference passes tol of the largest magnitude in want.
func wantClose(t testing.TB, what string, got, want []float32, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	scale := 1e-6
	for _, v := range want {
		if !math.IsInf(float64(v), 0) {
			scale = max(scale, math.Abs(float64(v)))
		}
	}
	for i := range want {
		a, b := float64(got[i]), float64(want[i])
		if a == b || math.IsNaN(a) && math.IsNaN(b) {
			continue
		}
		if !(math.Abs(a-b) <= tol*scale) {
			t.Fatalf("%s: element %d is %g, want %g (largest %g)", what, i, a, b, scale)
		}
	}
}

// randomIn makes inputs by the fill rule of o, the same ones each time.
func randomIn(shapes []tensor.Shape, o gradOpts) []value {
	rng := rand.New(rand.NewPCG(1, uint64(len(shapes))))
	fill := o.fill
	if fill == nil {
		fill = uniform(-1, 1)
	}
	in := make([]value, len(shapes))
	for i, s := range shapes {
		in[i] = value{s, make([]float32, s.Elems())}
		fill(i, rng, in[i].v)
	}
	return in
}

// checkGrad holds the gradient nodes of an op against difference quotients of a random
// projection of its output, and runs forward and backward nodes on every set and thread count.
func checkGrad(t testing.TB, name string, op graph.Op, shapes []tensor.Shape, o gradOpts) {
	t.Helper()
	in := randomIn(shapes, o)
	runNode(t, op, in...)
	gr, ok := op.(graph.Grader)
	if !ok {
		if len(o.noGrad) != len(in) {
			t.Fatalf("%s has no gradient", name)
		}
		return
	}
	g, n := oneNode(t, op, in)
	r := make([]float32, n.Shape.Elems())
	uniform(-1, 1)(0, rand.New(rand.NewPCG(2, 3)), r)
	want := make([]bool, len(in))
	for i := range in {
		want[i] = !slices.Contains(o.noGrad, i)
	}
	grads := gr.Grad(g, n, g.Leaf("dy", graph.Const, n.Shape, r), want)
	checkWanted(t, name, gr, in, want, grads)
	if err := g.Check(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := sameEverywhere(t, g)
	for i, dx := range grads {
		if want[i] {
			compareNumeric(t, fmt.Sprintf("%s: gradient of input %d", name, i), op, in, i, r, p.mem[dx.ID], o)
		}
	}
}

// checkWanted holds what Grad returns: one node of the input's shape where wanted, else nil.
func checkWanted(t testing.TB, name string, gr graph.Grader, in []value, want []bool, grads []*graph.Node) {
	t.Helper()
	if len(grads) != len(in) {
		t.Fatalf("%s: %d gradients for %d inputs", name, len(grads), len(in))
	}
	for i, dx := range grads {
		if (dx != nil) != want[i] {
			t.Fatalf("%s: gradient of input %d is %v, wanted: %t", name, i, dx, want[i])
		}
		if dx != nil && !dx.Shape.Equal(in[i].shape) {
			t.Fatalf("%s: gradient of input %d is %v, want %v", name, i, dx.Shape, in[i].shape)
		}
	}
	g, n := oneNode(t, gr.(graph.Op), in)
	dy := g.Leaf("dy", graph.Const, n.Shape, make([]float32, n.Shape.Elems()))
	nodes := len(g.Nodes)
	for i, dx := range gr.Grad(g, n, dy, make([]bool, len(in))) {
		if dx != nil {
			t.Errorf("%s: gradient of input %d although not wanted", name, i)
		}
	}
	if len(g.Nodes) != nodes {
		t.Errorf("%s: %d gradient nodes although none was wanted", name, len(g.Nodes)-nodes)
	}
}

// compareNumeric compares up to 40 elements of a gradient with difference quotients at h and 2h,
// extrapolated to an error of h⁴.
func compareNumeric(t testing.TB, what string, op graph.Op, in []value, i int, r, got []float32, o gradOpts) {
	t.Helper()
	step, tol := o.step, o.tol
	if step == 0 {
		step = 1. / 32
	}
	if tol == 0 {
		tol = 2e-3
	}
	f := projection(t, op, in, i, r)
	rng := rand.New(rand.NewPCG(4, uint64(i)))
	scale := 1e-2
	for _, v := range got {
		scale = max(scale, math.Abs(float64(v)))
	}
	samples := 40
	if len(got)*len(r) > 1<<20 { // each takes four runs
		samples = 4
	}
	for _, e := range rng.Perm(len(got))[:min(samples, len(got))] {
		want := (4*f(e, step) - f(e, 2*step)) / 3
		if !(math.Abs(float64(got[e])-want) <= tol*scale) {
			t.Fatalf("%s: element %d is %g, difference quotient %g (largest %g)", what, e, got[e], want, scale)
		}
	}
}

// projection returns f(e, h) = (Σ r·y(x_e+h) - Σ r·y(x_e-h)) / (2h), summed in float64 over
// differences so that what does not move cancels exactly.
func projection(t testing.TB, op graph.Op, in []value, i int, r []float32) func(e int, h float64) float64 {
	t.Helper()
	in = slices.Clone(in)
	in[i].v = slices.Clone(in[i].v)
	g, n := oneNode(t, op, in)
	p := prepare(t, g, kernels.Generic(), 1, -1)
	x, y, hi := in[i].v, p.mem[n.ID], make([]float32, len(r))
	return func(e int, h float64) float64 {
		keep := x[e]
		up, down := float32(float64(keep)+h), float32(float64(keep)-h)
		x[e] = up
		p.run()
		copy(hi, y)
		x[e] = down
		p.run()
		x[e] = keep
		sum := 0.0
		for j := range y {
			sum += float64(r[j]) * (float64(hi[j]) - float64(y[j]))
		}
		return sum / (float64(up) - float64(down))
	}
}

// checkRefuses holds that the shape rule refuses these inputs with one line.
func checkRefuses(t testing.TB, op graph.Op, shapes ...tensor.Shape) {
	t.Helper()
	s, err := op.Infer(shapes)
	if err == nil && s.Check() == nil {
		t.Errorf("%s of %v is %v, want an error", graph.OpString(op), shapes, s)
	}
}

// checkTies cuts channels as the op's ties say: with the removed channels of the inputs at zero,
// what is kept of the full output equals the output of the cut op on the cut inputs.
func checkTies(t testing.TB, op graph.Op, shapes []tensor.Shape, o gradOpts) {
	t.Helper()
	if _, ok := op.(graph.Tied); !ok {
		return
	}
	in := randomIn(shapes, o)
	g, n := oneNode(t, op, in)
	ties := op.(graph.Tied).Ties(n)
	for _, link := range ties.Links {
		for _, end := range []graph.End{link.A, link.B} {
			checkCut(t, g, n, in, ties, end)
		}
	}
}

// checkCut removes index 0 and another one of end, and all that is tied to them.
func checkCut(t testing.TB, g *graph.Graph, n *graph.Node, in []value, ties graph.Ties, end graph.End) {
	t.Helper()
	gone := map[graph.End][]bool{end: make([]bool, axisLen(n, end))}
	if len(gone[end]) < 3 {
		return
	}
	gone[end][0], gone[end][len(gone[end])-2] = true, true
	spread(n, ties, gone)
	keep := map[graph.End][]int{}
	for e, cut := range gone {
		if slices.Contains(ties.Locks, e) && slices.Contains(cut, true) {
			return
		}
		for j, c := range cut {
			if !c {
				keep[e] = append(keep[e], j)
			}
		}
		if len(keep[e]) == 0 {
			return
		}
	}
	full, small := make([]value, len(in)), make([]value, len(in))
	for i, x := range in {
		full[i], small[i] = value{x.shape, slices.Clone(x.v)}, x
		for e := range gone {
			if e.Port == i {
				full[i].v = blank(full[i], e.Axis, gone[e])
				small[i] = take(small[i], e.Axis, keep[e])
			}
		}
	}
	op := n.Op
	if c, ok := op.(graph.Cutter); ok {
		op = c.Cut(n, func(e graph.End) []int {
			if slices.Contains(gone[e], true) {
				return keep[e]
			}
			return nil
		})
	}
	want := value{n.Shape, quickRun(t, n.Op, full)}
	for e := range gone {
		if e.Port == graph.Out {
			want = take(want, e.Axis, keep[e])
		}
	}
	got := quickRun(t, op, small)
	wantClose(t, fmt.Sprintf("%s cut at %v", n.Op.Kind(), end), got, want.v, 1e-5)
}

// quickRun is the output on one thread with the generic kernels.
func quickRun(t testing.TB, op graph.Op, in []value) []float32 {
	t.Helper()
	g, n := oneNode(t, op, in)
	p := prepare(t, g, kernels.Generic(), 1, -1)
	p.run()
	return p.mem[n.ID]
}

func axisLen(n *graph.Node, e graph.End) int {
	if e.Port == graph.Out {
		return n.Shape[e.Axis]
	}
	return n.In[e.Port].Shape[e.Axis]
}

// spread follows the links until nothing more is removed.
func spread(n *graph.Node, ties graph.Ties, gone map[graph.End][]bool) {
	for again := true; again; {
		again = false
		mark := func(e graph.End, j int) {
			if gone[e] == nil {
				gone[e] = make([]bool, axisLen(n, e))
			}
			again = again || !gone[e][j]
			gone[e][j] = true
		}
		for _, l := range ties.Links {
			for j := range axisLen(n, l.B) {
				i := j
				if l.Of != nil {
					i = l.Of[j]
				}
				if i >= 0 && gone[l.A] != nil && gone[l.A][i] {
					mark(l.B, j)
				}
				if i >= 0 && gone[l.B] != nil && gone[l.B][j] {
					mark(l.A, i)
				}
			}
		}
	}
}

// take is x with only the kept indices along an axis.
func take(x value, axis int, keep []int) value {
	s := x.shape.Clone()
	inner := tensor.Shape(s[axis+1:]).Elems()
	outer := tensor.Shape(s[:axis]).Elems()
	var v []float32
	for o := range outer {
		for _, j := range keep {
			at := (o*s[axis] + j) * inner
			v = append(v, x.v[at:at+inner]...)
		}
	}
	s[axis] = len(keep)
	return value{s, v}
}

// blank is x with zeros at the removed indices of an axis.
func blank(x value, axis int, gone []bool) []float32 {
	v := slices.Clone(x.v)
	inner := tensor.Shape(x.shape[axis+1:]).Elems()
	for i := range v {
		if gone[i/inner%x.shape[axis]] {
			v[i] = 0
		}
	}
	return v
}
