package op

import (
	"fmt"
	"math"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// pixelShares is what PixelShares makes, element by element in float64.
func pixelShares(x, w, r []float32, in, out int) []float32 {
	y := make([]float64, len(x))
	for i := range r {
		row, filter, sum := i/out*in, i%out*in, 0.0
		claim := func(c int) float64 { return max(0, float64(x[row+c])*float64(w[filter+c])) }
		for c := range in {
			sum += claim(c)
		}
		for c := range in {
			if sum > 0 {
				y[row+c] += claim(c) / sum * float64(r[i])
			}
		}
	}
	return toFloat32(y)
}

func toFloat32(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// pixelCase is random operands; with a bias where asked.
func pixelCase(t *testing.T, p PixelShares, rows, in, out int, bias bool) []value {
	s := []tensor.Shape{{1, rows, 1, in}, {out, 1, 1, in}, {1, rows, 1, out}, {out}}
	v := randomIn(s, gradOpts{})
	if !p.Signed {
		v[0].v = magnitudesOf(v[0].v)
	}
	v[2].v = magnitudesOf(v[2].v)
	ops := v[:3:3]
	if p.Signed {
		of := []value{v[0], v[1]}
		if bias {
			of = append(of, v[3])
		}
		ops = append(ops, val(s[2], runNode(t, Conv{}, of...)...))
		ops = append(ops, of[2:]...)
	}
	return ops
}

func magnitudesOf(v []float32) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(math.Abs(float64(x)))
	}
	return out
}

// TestPixelShares compares with handing out element by element, on every set and number of threads. Of signs, outputs that
// little raised, which only a random relevance makes much of, are as uncertain as the difference that they come from.
func TestPixelShares(t *testing.T) {
	for _, size := range [][3]int{{1, 1, 1}, {7, 3, 5}, {50, 17, 96}, {131, 49, 24}, {300, 8, 50}} {
		for _, kind := range []struct{ signed, bias bool }{{}, {signed: true}, {true, true}} {
			p := PixelShares{Signed: kind.signed}
			in := pixelCase(t, p, size[0], size[1], size[2], kind.bias)
			want := pixelShares(in[0].v, in[1].v, in[2].v, size[1], size[2])
			tol := 2e-6
			if p.Signed {
				tol = 5e-4
			}
			wantClose(t, fmt.Sprint(size, kind), runNode(t, p, in...), want, tol)
		}
	}
}

// TestPixelSharesCancel: outputs that all but nothing raised hand out no more than they have, those that nothing raised
// nothing, however large the bias that hides it.
func TestPixelSharesCancel(t *testing.T) {
	const rows, in, out = 60, 200, 7
	for _, bias := range []float32{0, 1, 300} {
		for _, raised := range []float32{0, 1e-12, 1e-7, 1e-6, 1e-4} {
			v := pixelCase(t, PixelShares{Signed: true}, rows, in, out, true)
			lower(v, raised)
			for i := range v[4].v {
				v[4].v[i] = bias
			}
			v[3].v = runNode(t, Conv{}, v[0], v[1], v[4])
			given, had := sum64(runNode(t, PixelShares{Signed: true}, v...)), sum64(v[2].v)
			if !(given >= 0 && given <= 1.1*had) || raised == 0 && given != 0 {
				t.Errorf("bias %g, raised by %g: %g of %g are handed out", bias, raised, given, had)
			}
		}
	}
}

// lower gives each product of x and w a negative sign, but for the first of each sum, which is small.
func lower(v []value, first float32) {
	x, w := v[0], v[1]
	for i := range x.v {
		x.v[i] = float32(math.Abs(float64(x.v[i])))
	}
	for i := range w.v {
		w.v[i] = -float32(math.Abs(float64(w.v[i])))
		if i%w.shape[3] == 0 {
			w.v[i] = first
		}
	}
}

func sum64(v []float32) (sum float64) {
	for _, x := range v {
		sum += float64(x)
	}
	return sum
}

// TestPixelSharesEnded: what follows goes into its loop.
func TestPixelSharesEnded(t *testing.T) {
	p := PixelShares{}
	both, ok := Fuse(p, Portion{})
	if !ok {
		t.Fatal("a portion does not end it")
	}
	in := pixelCase(t, p, 90, 5, 9, false)
	want := runNode(t, Portion{}, val(in[0].shape, runNode(t, p, in...)...), in[0])
	wantClose(t, "with a portion", runNode(t, both, append(in, in[0])...), want, 0)
}

func TestPixelSharesRefuses(t *testing.T) {
	x, w, y := tensor.Shape{2, 5, 5, 4}, tensor.Shape{6, 1, 1, 4}, tensor.Shape{2, 5, 5, 6}
	checkRefuses(t, PixelShares{}, x)
	checkRefuses(t, PixelShares{}, x, tensor.Shape{6, 3, 3, 4}, tensor.Shape{2, 3, 3, 6})
	checkRefuses(t, PixelShares{}, x, w, x)
	checkRefuses(t, PixelShares{}, x, w, y, y)
	checkRefuses(t, PixelShares{Signed: true}, x, w, y, x)
	checkRefuses(t, PixelShares{Signed: true}, x, w, y, y, tensor.Shape{4})
	n := &graph.Node{Op: PixelShares{Signed: true}, Shape: x}
	for _, s := range []tensor.Shape{x, w, y} {
		n.In = append(n.In, &graph.Node{Shape: s})
	}
	if got, want := n.Op.(graph.Counter).MACs(n), int64(3*50*4*6); got != want {
		t.Errorf("%d multiply-adds, want %d", got, want)
	}
}
