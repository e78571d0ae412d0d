package latency

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// chain is a convolution of c filters with a depthwise one behind it, and a fully connected layer beside.
func chain(c int) *graph.Graph {
	g := graph.New()
	leaf := func(name string, s ...int) *graph.Node {
		return g.Leaf(name, graph.Param, s, tensor.Floats(tensor.Shape(s).Elems()))
	}
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 8, 8, 3}, nil)
	x = g.Add("a", op.Conv{Pads: [4]int{1, 1, 1, 1}}, x, leaf("a.w", c, 3, 3, 3))
	x = g.Add("b", op.Depthwise{Stride: [2]int{2, 2}}, x, leaf("b.w", c, 2, 2, 1))
	v := g.Leaf("v", graph.Input, tensor.Shape{1, c}, nil)
	g.Outputs = []*graph.Node{x, g.Add("y", op.Gemm{}, v, leaf("y.w", 5, c))}
	return g
}

// fake takes as many nanoseconds as there are multiply-adds, and counts how often it is asked.
func fake(asked *int) Timer {
	return func(g *graph.Graph) (time.Duration, error) {
		*asked++
		return time.Duration(g.MACs()), nil
	}
}

func predict(t *testing.T, table *Table, g *graph.Graph) int64 {
	t.Helper()
	ns, err := table.Predict(g)
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

// TestPredictIsTheSum holds that layers are timed alone, once, that widths are rounded up to the kernels' and that
// between knots of a linear cost the prediction is that cost.
func TestPredictIsTheSum(t *testing.T) {
	asked := 0
	table := New(8, fake(&asked))
	for _, x := range []struct{ width, as int }{{64, 64}, {57, 64}, {5, 5}, {8, 8}, {9, 16}, {136, 136}, {520, 520}, {521, 528}} {
		if got, want := predict(t, table, chain(x.width)), chain(x.as).MACs(); got != want {
			t.Errorf("%d channels: %d ns, want %d", x.width, got, want)
		}
	}
	before := asked
	predict(t, table, chain(521))
	if asked != before {
		t.Errorf("%d layers were timed again", asked-before)
	}
}

// TestPredictIsMonotone: where more channels never take less, neither does a prediction.
func TestPredictIsMonotone(t *testing.T) {
	asked := 0
	table := New(8, fake(&asked))
	last := int64(0)
	for c := 1; c < 700; c++ {
		ns := predict(t, table, chain(c))
		if ns < last {
			t.Fatalf("%d channels take %d ns, one less takes %d", c, ns, last)
		}
		last = ns
	}
	if asked > 200 {
		t.Errorf("%d measurements of 3 layers", asked)
	}
}

func TestCalibrate(t *testing.T) {
	asked := 0
	table := New(8, fake(&asked))
	if err := table.Calibrate(chain(64), 10*chain(64).MACs()); err != nil {
		t.Fatal(err)
	}
	if got, want := predict(t, table, chain(32)), 10*chain(32).MACs(); got != want {
		t.Errorf("%d ns, want %d", got, want)
	}
}

// TestLayersOfGroups are timed at their own widths, since groups must divide them.
func TestLayersOfGroups(t *testing.T) {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{2, 4, 4, 6}, nil)
	w := g.Leaf("w", graph.Param, tensor.Shape{9, 1, 1, 2}, tensor.Floats(18))
	g.Outputs = []*graph.Node{g.Add("y", op.Conv{Groups: 3}, x, w)}
	asked := 0
	if got := predict(t, New(8, fake(&asked)), g); got != g.MACs()/2 || asked != 1 {
		t.Errorf("%d ns of %d measurements, want %d of one", got, asked, g.MACs()/2)
	}
}

func TestTimerErrors(t *testing.T) {
	broken := errors.New("no clock")
	table := New(8, func(*graph.Graph) (time.Duration, error) { return 0, broken })
	if _, err := table.Predict(chain(8)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// TestCache holds that real times are positive, kept, found again by the same machine and not by another, and that a
// damaged cache is an empty one.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir)
	pool := kernels.NewPool(1)
	defer pool.Close()
	env := graph.Env{Kernels: kernels.Generic(), Pool: pool}
	table := Open(env)
	first := predict(t, table, chain(8))
	if first <= 0 {
		t.Errorf("%d ns", first)
	}
	table.Save()
	if got := predict(t, Open(env), chain(8)); got != first {
		t.Errorf("%d ns from the cache, measured were %d", got, first)
	}
	env.Kernels.Name = "another"
	if n := len(Open(env).times); n != 0 {
		t.Errorf("%d times of other kernels", n)
	}
	env.Kernels.Name = "generic"
	files, _ := filepath.Glob(filepath.Join(dir, "secateur", "*"))
	if len(files) != 1 {
		t.Fatalf("files %v, want one", files)
	}
	if err := os.WriteFile(files[0], []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if n := len(Open(env).times); n != 0 {
		t.Errorf("%d times in a damaged file", n)
	}
}
