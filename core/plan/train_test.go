package plan

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
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

// training is a plan that trains all of b by SGD.
func training(t testing.TB, b *builder, e graph.Env, o Options) *Plan {
	t.Helper()
	if o.Rule == nil {
		rule := optim.SGD(0.01)
		o.Rule = &rule
	}
	if o.Wrt == nil {
		o.Wrt = params(b.Graph, "")
	}
	o.Env, o.Loss = e, "loss"
	return compile(t, b.Graph, o)
}

// sets is every kernel set of this machine.
func sets(t *testing.T, f func(t *testing.T, set kernels.Set)) {
	for _, s := range kernels.Available() {
		t.Run(s.Name, func(t *testing.T) { f(t, s) })
	}
}

func TestRunAllocs(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	sets(t, func(t *testing.T, set kernels.Set) {
		average := optim.AdamW(0.01)
		average.Average = 0.99
		sgd := optim.SGD(0.01)
		for name, o := range map[string]Options{"sgd": {Rule: &sgd, Keep: []string{"fc"}}, "adamw and average": {Rule: &average}} {
			p := training(t, toyLoss(16), envOf(set, 2), o)
			p.Hook = func() error { return nil }
			feed(p, 0)
			if n := testing.AllocsPerRun(20, func() { _ = p.Run() }); n != 0 {
				t.Errorf("%s: %v allocations in a training step, want 0", name, n)
			}
		}
		p := compile(t, toy(4).Graph, Options{Env: envOf(set, 2), Fold: true})
		feed(p, 0)
		if n := testing.AllocsPerRun(20, func() { _ = p.Run(); p.Refresh() }); n != 0 {
			t.Errorf("%v allocations in inference, want 0", n)
		}
	})
}

func TestTheArenaIsLaidOutBeforeTheFirstStep(t *testing.T) {
	p := training(t, toyLoss(4), plain(), Options{})
	at, bytes := unsafe.SliceData(p.arena), p.ArenaBytes()
	where := map[string]span32{}
	for name, v := range p.data {
		where[name] = spanOf(v)
	}
	for k := range 3 {
		feed(p, k)
		run(t, p)
	}
	if unsafe.SliceData(p.arena) != at || p.ArenaBytes() != bytes || bytes != 4*int64(len(p.arena)) || bytes == 0 {
		t.Errorf("the arena moved or grew from %d to %d bytes", bytes, p.ArenaBytes())
	}
	for name, s := range where {
		if spanOf(p.data[name]) != s {
			t.Errorf("%s moved", name)
		}
	}
	if r := uintptr(unsafe.Pointer(at)) % tensor.Align; r != 0 {
		t.Errorf("the arena begins %d bytes behind a multiple of %d", r, tensor.Align)
	}
}

// golden is testdata/losses.json, which tools/golden/toy.py makes with PyTorch.
type golden struct {
	Losses []float64
	Size   map[string]float64
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	text, err := os.ReadFile("testdata/losses.json")
	if err == nil {
		err = json.Unmarshal(text, &g)
	}
	if err != nil || len(g.Losses) != 10 {
		t.Fatalf("%d losses, want 10; %v", len(g.Losses), err)
	}
	return g
}

// wantSix fails unless got is want to six digits.
func wantSix(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-6*math.Abs(want) {
		t.Errorf("%s is %.9g, want %.9g to six digits", what, got, want)
	}
}

func TestLossesOfAToyRunAreThoseOfPyTorch(t *testing.T) {
	want := readGolden(t)
	sets(t, func(t *testing.T, set kernels.Set) {
		b := toyLoss(6)
		p := training(t, b, envOf(set, 2), Options{})
		for k, loss := range want.Losses {
			feed(p, k)
			run(t, p)
			wantSix(t, fmt.Sprintf("loss %d", k), float64(p.Data("loss")[0]), loss)
		}
		for _, n := range b.Role(graph.Param) {
			size := 0.0
			for _, x := range n.Value {
				size += math.Abs(float64(x))
			}
			if w := want.Size[n.Name]; math.Abs(size-w) > 1e-5*w {
				t.Errorf("Σ|%s| is %.9g after the run, want %.9g", n.Name, size, w)
			}
		}
	})
}

// trained is the hash of all values of b after ten steps of each rule on that many threads.
func trained(t *testing.T, set kernels.Set, threads int, rule optim.Rule) [32]byte {
	t.Helper()
	b := toyLoss(16)
	p := training(t, b, envOf(set, threads), Options{Rule: &rule})
	for k := range 10 {
		feed(p, k)
		run(t, p)
	}
	h := sha256.New()
	for _, n := range b.Role(graph.Param) {
		for _, x := range n.Value {
			u := math.Float32bits(x)
			h.Write([]byte{byte(u), byte(u >> 8), byte(u >> 16), byte(u >> 24)})
		}
	}
	return [32]byte(h.Sum(nil))
}

func TestTheNumberOfThreadsDoesNotChangeABit(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		for name, rule := range map[string]optim.Rule{"sgd": optim.SGD(0.01), "adamw": optim.AdamW(0.01)} {
			one := trained(t, set, 1, rule)
			for threads := 2; threads <= 4; threads++ {
				r := rule
				r.Saved = nil
				if got := trained(t, set, threads, r); got != one {
					t.Errorf("%s: %d threads give other weights than one: %x, %x", name, threads, got[:4], one[:4])
				}
			}
		}
	})
}

func TestTrainingChangesTheGraphsOwnValues(t *testing.T) {
	b := toyLoss(4)
	before := b.Copy()
	p := training(t, b, plain(), Options{Wrt: params(b.Graph, "fc")})
	feed(p, 0)
	run(t, p)
	for _, n := range b.Graph.Nodes {
		if n.Value == nil {
			continue
		}
		trains := slices.Contains([]string{"fc.w", "fc.b"}, n.Name)
		if changed := !slices.Equal(n.Value, before.Node(n.Name).Value); changed != trains {
			t.Errorf("%s changed: %v, want %v", n.Name, changed, trains)
		}
		if spanOf(p.Data(n.Name)) != spanOf(n.Value) {
			t.Errorf("%s: the plan has a copy of the graph's value", n.Name)
		}
	}
	if len(b.Graph.Nodes) != len(before.Nodes) {
		t.Error("compiling added nodes to the caller's graph")
	}
}

func TestPlansThatShareParametersSeeEachOthersUpdates(t *testing.T) {
	b := toyLoss(4)
	logits, _, err := b.Sub(nil, b.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	plainly, folded := compile(t, logits, Options{}), compile(t, logits, Options{Fold: true, Batch: 2})
	p := training(t, b, plain(), Options{})
	for k := range 3 {
		feed(p, k)
		run(t, p)
	}
	fresh := compile(t, logits.Copy(), Options{})
	for _, q := range []*Plan{plainly, fresh, folded} {
		feed(q, 9)
		q.Refresh()
		run(t, q)
	}
	wantBits(t, "fc", plainly.Data("fc"), fresh.Data("fc"))
	wantClose(t, "fc folded", folded.Data("fc"), fresh.Data("fc")[:10], 1e-5)
}

func TestFreezingLayersLowersTheArena(t *testing.T) {
	steps, bytes := math.MaxInt, int64(math.MaxInt64)
	for _, wrt := range [][]string{{"stem", "dw", "pw", "wide", "fc"}, {"pw", "wide", "fc"}, {"fc"}} {
		b := toyLoss(8)
		p := training(t, b, plain(), Options{Wrt: params(b.Graph, wrt...)})
		if p.ArenaBytes() >= bytes || p.Steps() >= steps {
			t.Errorf("training %v takes %d bytes and %d loops, want less than %d and %d", wrt, p.ArenaBytes(), p.Steps(), bytes, steps)
		}
		steps, bytes = p.Steps(), p.ArenaBytes()
	}
	b := toyLoss(8)
	if p := compile(t, b.Graph, Options{}); p.ArenaBytes() > bytes {
		t.Errorf("inference takes %d bytes, training the head %d", p.ArenaBytes(), bytes)
	}
}

func TestMutatorsRunAfterEveryReader(t *testing.T) {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{2, 3}, nil)
	state := b.Leaf("state", graph.State, tensor.Shape{3}, []float32{1, 2, 3})
	view := b.Add("view", op.Identity{}, state)
	b.Add("follow", op.RunningUpdate{Momentum: 1}, view, b.Add("mean", op.BatchMean{}, x))
	y := b.Add("direct", op.Add{}, x, state)
	b.Outputs = []*graph.Node{b.Add("both", op.Add{}, y, b.Add("again", op.Tanh{}, b.Add("scaled", op.Mul{}, view, state)))}
	p := compile(t, b.Graph, Options{})
	at := map[string]int{}
	for i, s := range p.steps {
		at[s.node.Name] = i
	}
	if last := max(at["mean"], at["view"], at["direct"], at["scaled"]); at["follow"] != last+1 {
		t.Errorf("follow is step %d of %v, want it directly behind the last that it waits for", at["follow"], at)
	}
	fill(p.Data("x"), 5)
	run(t, p)
	wantClose(t, "both", p.Data("both"), []float32{6.76159, 7.99933, 9}, 1e-5)
	wantBits(t, "state", state.Value, []float32{5, 5, 5})
	run(t, p) // what was made from the state is made anew
	wantClose(t, "both", p.Data("both"), []float32{11, 11, 11}, 1e-5)
}

func TestAnOrderThatCannotBeRightIsRefused(t *testing.T) {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{2, 3}, nil)
	state := b.leaf(graph.State, "state", 0, 1, 3)
	now := b.Add("follow", op.RunningUpdate{Momentum: 1}, state, b.Add("mean", op.BatchMean{}, x))
	b.Outputs = []*graph.Node{b.Add("difference", op.Sub{}, now, state)}
	_, err := Compile(b.Graph, Options{Env: plain()})
	wantError(t, err, "order: difference", `reads "state" after follow has changed it`)

	b = newBuilder()
	x = b.Leaf("x", graph.Input, tensor.Shape{2, 3}, nil)
	mean := b.Add("mean", op.BatchMean{}, x)
	b.Outputs = []*graph.Node{b.Add("follow", op.RunningUpdate{}, mean, mean)}
	_, err = Compile(b.Graph, Options{Env: plain()})
	wantError(t, err, "follow: RunningUpdate changes", `"mean"`, "want a leaf")
}

func TestTheSameParameterTwiceIsRefused(t *testing.T) {
	b, rule := toyLoss(2), optim.SGD(0)
	_, err := Compile(b.Graph, Options{Env: plain(), Loss: "loss", Wrt: []string{"fc.w", "fc.w"}, Rule: &rule})
	wantError(t, err, `"fc.w"`)
}
