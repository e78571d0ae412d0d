package line

import (
	"math"
	"testing"
)

func TestNoiseIsSmoothAndBounded(t *testing.T) {
	const step = 1.0 / 64
	sum := 0.0
	for i := range 20000 {
		x, y := float64(i)*step-100, float64(i)*0.37
		v := value(x, y, 9)
		if math.Abs(v) > 1 {
			t.Fatalf("value(%g, %g) is %g, want within ±1", x, y, v)
		}
		if d := math.Abs(value(x+step, y, 9) - v); d > 3.1*step {
			t.Fatalf("value jumps by %g at %g, %g, want at most %g", d, x, y, 3.1*step)
		}
		sum += v
	}
	if m := sum / 20000; math.Abs(m) > 0.03 {
		t.Errorf("mean of value noise is %g, want about 0", m)
	}
}

func TestBellIsNormal(t *testing.T) {
	const n = 100000
	var sum, squares float64
	for i := range uint64(n) {
		v := bell(uint32(mix64(i)))
		sum, squares = sum+v, squares+v*v
	}
	if m, s := sum/n, math.Sqrt(squares/n); math.Abs(m) > 0.02 || math.Abs(s-1) > 0.02 {
		t.Errorf("sensor noise has mean %.3f and deviation %.3f, want 0 and 1", m, s)
	}
}

func TestDistances(t *testing.T) {
	cases := []struct {
		name      string
		got, want float64
	}{
		{"circle outside", circle(3, 4, 2), 3},
		{"box inside", box(0.5, 0, 1, 2, 0), -0.5},
		{"box corner", box(4, 6, 1, 2, 0), 5},
		{"round box corner", box(4, 6, 1, 2, 0.5), math.Hypot(3.5, 4.5) - 0.5},
		{"hexagon side", hexagon(0, 2, 1), 1},
	}
	for _, c := range cases {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s: distance %g, want %g", c.name, c.got, c.want)
		}
	}
	d, along := segment(point{1, 1}, point{0, 0}, point{4, 0})
	if math.Abs(d-1) > 1e-9 || math.Abs(along-0.25) > 1e-9 {
		t.Errorf("segment: distance %g at %g, want 1 at 0.25", d, along)
	}
}
