package report

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1.00 k"}, {count(999_499), "999 k"}, {count(999_600), "1.00 M"},
		{count(12_345_678), "12.3 M"}, {count(math.MaxInt64), "9.22 E"},
		{percent(0.9345), "93.5 %"}, {percent(1), "100.0 %"}, {percent(math.NaN()), "–"}, {percent(1.5), "–"},
		{points(0.93, 0.918), "−1.2 points"}, {points(0.9, 0.95), "+5.0 points"}, {points(0.9, 0.90001), "±0.0 points"}, {points(math.NaN(), 1), ""},
		{ratio(100, 48), "0.48×"}, {ratio(1, 25), "25×"}, {ratio(1, 0.0123), "0.012×"}, {ratio(0, 5), ""}, {ratio(5, 0), ""},
		{speed(12, 7), "1.71× as fast"}, {speed(10, 12), "1.20× the time"}, {speed(10, 10), "1.00× as fast"}, {speed(0, 1), ""},
		{millis(0.5), "0.500 ms"}, {millis(12.34), "12.3 ms"}, {millis(math.Inf(1)), "– ms"},
		{plural(1, "filter"), "1 filter"}, {plural(0, "filter"), "0 filters"},
	} {
		if got := strings.ReplaceAll(c.got, space, " "); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestWilson: values of Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		lo, hi := wilson(float64(c.k)/float64(c.n), c.n)
		if math.Abs(lo-c.lo) > 1e-4 || math.Abs(hi-c.hi) > 1e-4 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, lo, hi, c.lo, c.hi)
		}
	}
}

// TestTicks: ticks are round, few, and cover what is drawn.
func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0, 1, "0 0.2 0.4 0.6 0.8 1.0"},
		{88.3, 94.1, "88 89 90 91 92 93 94 95"},
		{-0.3, 2.4, "-0.5 0 0.5 1.0 1.5 2.0 2.5"},
		{3, 3, "2.7 2.8 2.9 3.0 3.1 3.2 3.3"},
		{0, 0.0123, "0 0.002 0.004 0.006 0.008 0.010 0.012 0.014"},
	} {
		a := roundAxis(c.lo, c.hi, 5)
		a.from, a.to = 0, 100
		var got []string
		for _, k := range a.ticks() {
			got = append(got, k.Label)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%g to %g: ticks %s, want %s", c.lo, c.hi, s, c.want)
		}
	}
	for _, v := range []float64{0, 1e-300, 1e-9, 1, 1e15, 1e30} {
		for _, w := range []float64{0, 1e-300, 1e-9, 1, 1 + 1e-15, 1e15 + 1, 1e30} {
			lo, hi := min(-v, w), max(-v, w)
			a := roundAxis(lo, hi, 5)
			a.from, a.to = 0, 100
			n := len(a.ticks())
			if slack := 1e-6 * a.step; n < 2 || n > 12 || a.lo > lo+slack || a.hi < hi-slack {
				t.Errorf("%g to %g: %d ticks from %g to %g", lo, hi, n, a.lo, a.hi)
			}
		}
	}
}

// TestCountAxis: epochs are whole.
func TestCountAxis(t *testing.T) {
	for n, want := range map[int]string{1: "1", 6: "1 2 3 4 5 6", 43: "5 10 15 20 25 30 35 40", 3000: "500 1000 1500 2000 2500 3000"} {
		a := countAxis(n, 7)
		a.from, a.to = 0, 100
		var got []string
		for _, k := range a.ticks() {
			got = append(got, k.Label)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%d: ticks %s, want %s", n, s, want)
		}
	}
}

// TestPhases: neighbours of one phase are one stretch, and turns are cuts in it.
func TestPhases(t *testing.T) {
	got := fmt.Sprint(phases(small().Epochs))
	if want := "[head (1) tune (2 to 3) turn (4 to 5, 2 turns)]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestStrip: neighbours are one box; what lies outside is not drawn.
func TestStrip(t *testing.T) {
	for _, c := range []struct {
		kept []int
		want string
	}{{nil, ""}, {[]int{2, 0, 1, 5, 5}, "M0 9h3v3h-3zM5 9h1v3h-1z"}, {[]int{-2, -1, 7, 8}, "M7 9h1v3h-1z"}} {
		if got := strip(c.kept, 8); got != c.want {
			t.Errorf("%v: %s, want %s", c.kept, got, c.want)
		}
	}
}
