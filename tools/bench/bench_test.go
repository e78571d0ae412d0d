package bench

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/zoo"
	"github.com/secateur/secateur/kernels"
)

var errStop = errors.New("stop")

func testEnv(t *testing.T, threads int) graph.Env {
	pool := kernels.NewPool(threads)
	t.Cleanup(pool.Close)
	return graph.Env{Kernels: kernels.Best(), Pool: pool}
}

// TestStepMACs: three products a layer, but the first layer has no gradient of its input.
func TestStepMACs(t *testing.T) {
	g := zoo.ResNet18(1, 1000, 1)
	first := int64(112 * 112 * 64 * 7 * 7 * 3)
	if got, want := stepMACs(g), 3*g.MACs()-first; got != want {
		t.Errorf("%d multiply-adds a step, want %d", got, want)
	}
}

// TestCasesRun: every case but the long ones is made and runs, its group is known.
func TestCasesRun(t *testing.T) {
	env := testEnv(t, 2)
	for _, c := range Cases() {
		if c.Group == GroupVectors && testing.Short() {
			continue
		}
		w, err := c.Make(env)
		if err != nil {
			t.Errorf("%s %s %s: %v", c.Group, c.Name, c.Shape, err)
			continue
		}
		if w.Flops > 2e8 {
			continue
		}
		if took := w.Time(); took <= 0 || w.Flops == 0 && w.Bytes == 0 {
			t.Errorf("%s %s: %v for %g operations and %g bytes", c.Group, c.Name, took, w.Flops, w.Bytes)
		}
	}
}

// TestGemmIsWhole compares with the plain product: rows divided, columns in blocks.
func TestGemmIsWhole(t *testing.T) {
	s := Shape{"", 7, 101, 5}
	a, w := noise(s.Pixels*s.Inner), noise(s.Filters*s.Inner)
	want := make([]float32, s.Pixels*s.Filters)
	for i := range want {
		for k := range s.Inner {
			want[i] += a[i/s.Filters*s.Inner+k] * w[i%s.Filters*s.Inner+k]
		}
	}
	for _, threads := range []int{1, 3} {
		got := newProduct(testEnv(t, threads), s)
		got.pack()
		got.multiply(0, s.Pixels)
		for i := range want {
			if math.Abs(float64(got.c[i]-want[i])) > 1e-5 {
				t.Fatalf("%d threads: element %d is %g, want %g", threads, i, got.c[i], want[i])
			}
		}
	}
}

func TestSummary(t *testing.T) {
	if s := Summary([]time.Duration{5, 1, 9}); s != (Times{Median: 5, Best: 1, Runs: 3}) {
		t.Errorf("%+v", s)
	}
	if s := Summary(nil); s != (Times{}) {
		t.Errorf("%+v of nothing", s)
	}
}

// TestProfile: shares add up to one.
func TestProfile(t *testing.T) {
	m, err := Infer(testEnv(t, 1), zoo.SqueezeNet11(1, 10, 1), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := m.Profile(2)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, k := range kinds {
		sum += k.Share
		if i > 0 && k.Time > kinds[i-1].Time {
			t.Errorf("%s is after %s, which is shorter", k.Kind, kinds[i-1].Kind)
		}
	}
	if math.Abs(sum-1) > 0.01 {
		t.Errorf("shares add up to %g", sum)
	}
}

func TestMemTotal(t *testing.T) {
	if got := memTotal("MemTotal:       24617380 kB\nMemFree: 1 kB\n"); got != 24617380<<10 {
		t.Errorf("%d bytes", got)
	}
	if got := memTotal(""); got != 0 {
		t.Errorf("%d bytes of nothing", got)
	}
}

// TestShare: so many repetitions as fill the rounds, a peak beside them, and the caller may stop between them.
func TestShare(t *testing.T) {
	env, n := testEnv(t, 1), 0
	w := Work{Flops: 1, Run: func() { n++; time.Sleep(100 * time.Microsecond) }}
	s, err := w.Share(env, 3, time.Millisecond, nil)
	if err != nil || s.Runs != 3 || s.Best < 100*time.Microsecond || n < 4 || s.Peak <= 0 || s.QuietRounds > 3 {
		t.Errorf("%+v, %v after %d repetitions", s, err, n)
	}
	if s, err = w.Share(env, 3, time.Microsecond, func() error { return errStop }); !errors.Is(err, errStop) || s.Runs != 1 {
		t.Errorf("stopped after %d rounds with %v, want one and %v", s.Runs, err, errStop)
	}
}

// TestQuietRounds: a round counts as quiet where Loads was as fast as Peak before and after it.
func TestQuietRounds(t *testing.T) {
	e := testEnv(t, 1)
	peak, w := e.Kernels.Peak, Work{Flops: 1, Run: func() { time.Sleep(time.Millisecond) }}
	e.Kernels.Loads = func(turns int, _ *float32) { peak(turns / 10) }
	if s, err := w.Share(e, 5*quietLeast, time.Millisecond, nil); err != nil || s.QuietRounds < quietLeast || s.Quiet == 0 {
		t.Errorf("%d rounds are quiet with %g of the peak, want most of %d; %v", s.QuietRounds, s.Quiet, 5*quietLeast, err)
	}
	e.Kernels.Loads = func(turns int, _ *float32) { peak(10 * turns) }
	if s, err := w.Share(e, 2*quietLeast, time.Millisecond, nil); err != nil || s.QuietRounds > 0 || s.Quiet > 0 {
		t.Errorf("%d disturbed rounds are quiet with %g of the peak; %v", s.QuietRounds, s.Quiet, err)
	}
}

// TestPieces: a product that is longer than a round is cut, and its pieces have all rows once.
func TestPieces(t *testing.T) {
	const rows = 1000
	var done [rows]int
	w := Shape{"", rows, 16, 8}.byRows(rows, 96, func(lo, hi int) {
		for i := range done[lo:hi] {
			done[lo+i]++
		}
	})
	for _, n := range []int{1, 3, 100} {
		clear(done[:])
		ps, flops := w.Pieces(n), 0.0
		for _, p := range ps {
			flops += p.Flops
			p.Run()
		}
		if len(ps) > n || math.Abs(flops/w.Flops-1) > 1e-9 || slices.Min(done[:]) != 1 || slices.Max(done[:]) != 1 {
			t.Errorf("%d pieces of %g operations, want at most %d of %g, and each row once", len(ps), flops, n, w.Flops)
		}
	}
	env := testEnv(t, 2)
	s, err := Gemm(env, Shape{"", 4000, 64, 256}, false).Share(env, 1, 10*time.Microsecond, nil)
	if err != nil || s.Runs < 2 {
		t.Errorf("%d rounds of a product that is longer than one, %v", s.Runs, err)
	}
}
