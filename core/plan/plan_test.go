package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

var update = flag.Bool("update", false, "rewrite the golden plans in testdata")

func TestDump(t *testing.T) {
	head, whole := optim.SGD(0), optim.SGD(0)
	whole.Average = 0.9
	for _, c := range []struct {
		name string
		g    *graph.Graph
		o    Options
	}{
		{"infer", toy(1).Graph, Options{}},
		{"infer-folded", toy(1).Graph, Options{Fold: true}},
		{"train-head", toyLoss(4).Graph, Options{Loss: "loss", Wrt: []string{"fc.w", "fc.b"}, Rule: &head}},
		{"train", toyLoss(4).Graph, Options{Loss: "loss", Wrt: params(toyLoss(4).Graph, ""), Rule: &whole}},
	} {
		var first, second bytes.Buffer
		for _, b := range []*bytes.Buffer{&first, &second} {
			if err := compile(t, c.g, c.o).Dump(b); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(first.String(), second.String()); d != "" {
			t.Errorf("%s: compiled twice the plans differ:\n%s", c.name, d)
		}
		wantFile(t, filepath.Join("testdata", c.name+".txt"), first.String())
	}
}

// wantFile compares text with a golden file, or rewrites that.
func wantFile(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), text); d != "" {
		t.Errorf("%s (-want +got; go test -update rewrites it):\n%s", path, d)
	}
}

type failing struct{ after int }

func (f *failing) Write(b []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, errors.New("disk full")
	}
	return len(b), nil
}

func TestDumpReportsAFailingWriter(t *testing.T) {
	p := compile(t, toy(1).Graph, Options{})
	for _, after := range []int{0, 1, 5} {
		wantError(t, p.Dump(&failing{after}), "disk full")
	}
	wantError(t, p.Trace(&failing{}), "disk full")
}

func TestTraceIsJSONWithAnEventALoop(t *testing.T) {
	p := compile(t, toy(2).Graph, Options{})
	var b bytes.Buffer
	if err := p.Trace(&b); err != nil {
		t.Fatal(err)
	}
	var trace struct {
		TraceEvents []struct {
			Name, Cat, Ph string
			Ts, Dur       float64
			Args          map[string]any
		}
	}
	if err := json.Unmarshal(b.Bytes(), &trace); err != nil {
		t.Fatal(err)
	}
	if len(trace.TraceEvents) != p.Steps() || p.Steps() == 0 {
		t.Fatalf("%d events, want one for each of %d loops", len(trace.TraceEvents), p.Steps())
	}
	end := 0.0
	for i, e := range trace.TraceEvents {
		n := p.steps[i].node
		if e.Name != n.Name || e.Cat != n.Op.Kind() || e.Ph != "X" || e.Ts < end || e.Dur < 0 || e.Args["shape"] != n.Shape.String() {
			t.Errorf("event %d is %+v, want %s behind %g µs", i, e, n.Name, end)
		}
		if _, counts := n.Op.(graph.Counter); counts != (e.Args["macs"] != nil) {
			t.Errorf("%s: macs %v", n.Name, e.Args["macs"])
		}
		end = e.Ts + e.Dur - 0.002 // printed in decimals
	}
}

func TestHookStopsARun(t *testing.T) {
	runs := 0
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{1, 4}, nil)
	for range 5 {
		x = b.Add("t", tally{&runs}, x)
	}
	b.Outputs = []*graph.Node{x}
	p := compile(t, b.Graph, Options{})
	stop, calls := errors.New("stop"), 0
	p.Hook = func() error {
		if calls++; calls == 4 {
			return stop
		}
		return nil
	}
	if err := p.Run(); !errors.Is(err, stop) || runs != 3 {
		t.Errorf("error %v after %d loops, want the hook's after 3", err, runs)
	}
	runs = 0
	if err := p.Run(); err != nil || runs != 5 || calls != 9 {
		t.Errorf("error %v, %d loops, %d calls of the hook: want a whole run afterwards", err, runs, calls)
	}
}

func TestStaticNodesRunOnRefreshOnly(t *testing.T) {
	static, dynamic, dead := 0, 0, 0
	b := newBuilder()
	w := b.leaf(graph.Param, "w", 0, 1, 4)
	prepared := b.Add("prepared", op.Neg{}, b.Add("static", tally{&static}, w))
	b.Add("dead", tally{&dead}, w)
	x := b.Leaf("x", graph.Input, tensor.Shape{1, 4}, nil)
	b.Outputs = []*graph.Node{b.Add("y", op.Add{}, b.Add("dynamic", tally{&dynamic}, x), prepared)}
	p := compile(t, b.Graph, Options{Keep: []string{"prepared"}})
	for range 3 {
		run(t, p)
	}
	if static != 1 || dynamic != 3 || dead != 0 {
		t.Errorf("static ran %d times, dynamic %d, dead %d, want 1, 3, 0", static, dynamic, dead)
	}
	old := p.Data("y")[0]
	w.Value[0]++
	run(t, p)
	if p.Data("y")[0] != old {
		t.Error("a prepared node was made again without Refresh")
	}
	p.Refresh()
	run(t, p)
	if static != 2 || p.Data("y")[0] == old || p.Data("prepared")[0] != -w.Value[0] {
		t.Errorf("after Refresh static ran %d times and y is %g", static, p.Data("y")[0])
	}
}

func TestWhatAStepChangesIsNotStatic(t *testing.T) {
	runs, rule := 0, optim.SGD(0)
	b := newBuilder()
	w := b.leaf(graph.Param, "w", 1, 0, 4)
	x := b.Leaf("x", graph.Input, tensor.Shape{1, 4}, nil)
	y := b.Add("y", op.Mul{}, x, w)
	b.Add("loss", op.Sum{}, y)
	watch := b.Add("watch", tally{&runs}, w)
	p := compile(t, b.Graph, Options{Loss: "loss", Wrt: []string{"w"}, Rule: &rule, Keep: []string{watch.Name}})
	fill(p.Data("x"), 1)
	p.Data(optim.Rate)[0] = 1
	for k := range 3 {
		want := slices.Clone(w.Value)
		run(t, p)
		wantBits(t, "watch", p.Data("watch"), want)
		if slices.Equal(w.Value, want) || runs != k+1 {
			t.Errorf("step %d: w %v, watch ran %d times", k, w.Value, runs)
		}
	}
}

func TestKeepSurvives(t *testing.T) {
	b := toyLoss(4)
	var names []string
	for _, n := range b.Graph.Nodes {
		if !n.IsLeaf() {
			names = append(names, n.Name)
		}
	}
	for _, wrt := range [][]string{nil, params(b.Graph, "")} {
		p := compile(t, b.Graph, Options{Loss: "loss", Wrt: wrt, Keep: names})
		wantAsNaive(t, p, kernels.Generic(), names)
	}
	less := compile(t, b.Graph, Options{Loss: "loss"})
	more := compile(t, b.Graph, Options{Loss: "loss", Keep: names})
	if less.ArenaBytes() >= more.ArenaBytes() {
		t.Errorf("keeping nothing takes %d bytes, keeping all %d", less.ArenaBytes(), more.ArenaBytes())
	}
}

func TestBudget(t *testing.T) {
	b, rule := toyLoss(8), optim.SGD(0)
	o := Options{Env: plain(), Loss: "loss", Wrt: params(b.Graph, ""), Rule: &rule, Budget: 1}
	_, err := Compile(b.Graph, o)
	var over *BudgetError
	if !errors.As(err, &over) {
		t.Fatalf("error %v, want a *BudgetError", err)
	}
	if over.Need != over.Arena+over.Leaves+over.Static || over.Budget != 1 {
		t.Errorf("%+v does not add up", over)
	}
	if need, err := Need(b.Graph, o); err != nil || need != over.Need {
		t.Errorf("Need is %d, %v; compiling says %d", need, err, over.Need)
	}
	o.Budget = over.Need
	p := compile(t, b.Graph, o)
	if p.ArenaBytes() != over.Arena || p.Graph.Node(over.Peak) == nil {
		t.Errorf("the arena has %d bytes and a node %q, the error said %d", p.ArenaBytes(), over.Peak, over.Arena)
	}
	leaves := int64(0)
	for _, n := range p.Graph.Nodes {
		leaves += 4 * int64(len(n.Value))
	}
	if leaves != over.Leaves {
		t.Errorf("leaves take %d bytes, the error said %d", leaves, over.Leaves)
	}
	o.Budget--
	_, err = Compile(b.Graph, o)
	wantError(t, err, "place: the plan needs", "MiB", "the arena peaks at "+over.Peak)
	_, err = Compile(toy(1).Graph, Options{Env: plain(), Fold: true, Budget: 1})
	if !errors.As(err, &over) || over.Static == 0 {
		t.Errorf("a folded plan needs %+v, want prepared weights counted", over)
	}
}

func TestPeakIsTheStepWhereMostIsAlive(t *testing.T) {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{1, 2, 2, 4}, nil)
	big := b.Add("big", op.Pad{Pads: [4]int{9, 9, 9, 9}}, x)
	b.Outputs = []*graph.Node{b.Add("small", op.GlobalAveragePool{}, b.Add("biggest", op.Concat{Axis: 3}, big, big))}
	_, err := Compile(b.Graph, Options{Env: plain(), Budget: 1})
	wantError(t, err, "peaks at biggest")
}

func TestBatch(t *testing.T) {
	b := toy(6)
	six, two := compile(t, b.Graph, Options{}), compile(t, b.Graph, Options{Batch: 2})
	feed(six, 0)
	copy(two.Data("x"), six.Data("x"))
	run(t, six)
	run(t, two)
	if len(two.Data("fc")) != 10 || two.ArenaBytes() >= six.ArenaBytes() {
		t.Errorf("%d logits, %d bytes", len(two.Data("fc")), two.ArenaBytes())
	}
	wantClose(t, "fc", two.Data("fc"), six.Data("fc")[:10], 1e-5)
}

func TestTensorIsTheSameMemory(t *testing.T) {
	p := compile(t, toy(2).Graph, Options{})
	d := p.Tensor("fc")
	if d != p.Tensor("fc") || !tensor.Shape(d.Shape()).Equal(tensor.Shape{2, 5}) || spanOf(d.Data().([]float32)) != spanOf(p.Data("fc")) {
		t.Errorf("tensor of shape %v", d.Shape())
	}
	if p.Has("nobody") || !p.Has("fc.w") || !p.Has("x") {
		t.Error("Has does not know what the plan has")
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(error).Error(), "nobody") {
			t.Errorf("Data of an unknown name: %v", r)
		}
	}()
	p.Data("nobody")
}

func TestCompileRefuses(t *testing.T) {
	rule := optim.SGD(0)
	for _, c := range []struct {
		o    Options
		want []string
	}{
		{Options{Keep: []string{"nobody"}}, []string{"pack", `"nobody"`}},
		{Options{Loss: "nobody"}, []string{"differentiate", `"nobody"`}},
		{Options{Loss: "loss", Wrt: []string{"nobody"}}, []string{"differentiate", `"nobody"`}},
		{Options{Loss: "loss", Rule: &rule}, []string{"update", "depends on none of the 0"}},
		{Options{Loss: "loss", Wrt: []string{"fc.b"}, Rule: &rule, Batch: 3}, nil},
		{Options{Loss: "loss", Wrt: []string{"residual"}, Rule: &rule}, []string{"update", `"residual"`, "not a leaf"}},
		{Options{Loss: "loss", Wrt: []string{"apart"}, Rule: &rule}, []string{"update", `"loss"`, "none of the 1"}},
		{Options{Batch: -1}, []string{"batch of -1"}},
		{Options{Keep: []string{"lifeless"}}, []string{"place", "lifeless: Lifeless cannot be run"}},
		{Options{Keep: []string{"lifeless static"}}, []string{"place", "lifeless static: Lifeless cannot be run"}},
	} {
		b := toyLoss(2)
		b.Add("lifeless", lifeless{}, b.Node("x"))
		b.Add("lifeless static", lifeless{}, b.param("apart", 2))
		c.o.Env = plain()
		if _, err := Compile(b.Graph, c.o); c.want != nil || err != nil {
			wantError(t, err, c.want...)
		}
	}
}

func BenchmarkCompileTraining(b *testing.B) {
	for b.Loop() {
		training(b, toyLoss(16), plain(), Options{})
	}
}
