package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// tileMap is one of the transforms: y = L·x·Lᵀ.
type tileMap struct {
	name string
	l    [][]float32
	run  func(y []float32, yr, yc int, x []float32, xr, xc, c int)
}

func tileMaps(s Set) []tileMap {
	return []tileMap{
		{"WinogradData", winogradB, s.WinogradData},
		{"WinogradFilter", winogradG, s.WinogradFilter},
		{"WinogradInverse", winogradA, s.WinogradInverse},
		{"WinogradInverseT", winogradAT, s.WinogradInverseT},
		{"WinogradFilterT", winogradGT, s.WinogradFilterT},
	}
}

// TestWinogradIdentity: the matrices are an exact convolution, and its gradient, in one dimension:
// Aᵀ·[(G·g) ⊙ (Bᵀ·d)] is y[i] = Σ_k d[i+k]·g[k].
func TestWinogradIdentity(t *testing.T) {
	for i := range 4 {
		for d := range 6 {
			for g := range 3 {
				got, want := 0.0, 0.0
				for p := range 6 {
					got += float64(winogradA[i][p]) * float64(winogradB[p][d]) * float64(winogradG[p][g])
				}
				if d == i+g {
					want = 1
				}
				if math.Abs(got-want) > 1e-6 {
					t.Errorf("output %d takes input %d times weight %d %v times, want %v", i, d, g, got, want)
				}
			}
		}
	}
}

func TestWinograd(t *testing.T) {
	for _, s := range Available() {
		for _, m := range tileMaps(s) {
			r := rand.New(rand.NewPCG(5, 1))
			for c := range 41 {
				checkTileMap(t, r, s, m, c, c%3, c%2)
			}
			checkTileMap(t, r, s, m, 5001, 0, 7)
		}
	}
}

// tileOf is n×n pixels of c channels in a fence: rows are gap floats longer, pixels padded by pad.
// Every second one is turned, so that pixels of a column are the closer ones.
type tileOf struct {
	matrix
	n, rows, cols int
}

func newTile(n, c, pad, gap int) tileOf {
	near := c + pad
	far := n*near + gap
	m := matrix{fenced(max(0, (n-1)*(near+far)+c)), 1, 0, 1}
	if pad == 1 {
		return tileOf{m, n, near, far}
	}
	return tileOf{m, n, far, near}
}

func (t tileOf) at(i, j, ch int) int { return i*t.rows + j*t.cols + ch }

// checkTileMap compares with float64. The bound is a few roundings of the sum of magnitudes; the
// assembly shares differences between rows, which are up to five times as large as their sum.
func checkTileMap(t *testing.T, r *rand.Rand, s Set, m tileMap, c, pad, gap int) {
	t.Helper()
	name := fmt.Sprintf("%s %s of %d channels", s.Name, m.name, c)
	x, y := newTile(len(m.l[0]), c, pad, gap), newTile(len(m.l), c, (pad+1)%3, gap)
	for i := range x.n * x.n * c {
		x.x[x.at(i/c/x.n, i/c%x.n, i%c)] = float32(r.NormFloat64())
	}
	m.run(y.x, y.rows, y.cols, x.x, x.rows, x.cols, c)
	y.checkFence(t, name)
	written := 0
	for i := range y.n {
		for j := range y.n {
			for ch := range c {
				want, size := 0.0, 0.0
				for a := range x.n {
					for b := range x.n {
						v := float64(m.l[i][a]) * float64(m.l[j][b]) * float64(x.x[x.at(a, b, ch)])
						want, size = want+v, size+math.Abs(v)
					}
				}
				got := float64(y.x[y.at(i, j, ch)])
				if written++; !(math.Abs(got-want) <= 40*0x1p-24*size) {
					t.Fatalf("%s: element %d,%d of channel %d is %v, want %v within %.2g", name, i, j, ch, got, want, 40*0x1p-24*size)
				}
			}
		}
	}
	for _, v := range y.x {
		if isCanary(v) {
			written++
		}
	}
	if written != len(y.x) {
		t.Fatalf("%s: wrote %d floats that are not of the tile", name, len(y.x)-written)
	}
}

// TestWinogradPromises: a NaN is seen, short slices panic, nothing is done for no channels.
func TestWinogradPromises(t *testing.T) {
	const c = 11
	for _, s := range Available() {
		for _, m := range tileMaps(s) {
			x, y := newTile(len(m.l[0]), c, 0, 0), newTile(len(m.l), c, 0, 0)
			clear(x.x)
			x.x[x.at(1, 1, 9)] = float32(math.NaN())
			m.run(y.x, y.rows, y.cols, x.x, x.rows, x.cols, c)
			for i, v := range y.x {
				seen := m.l[i/y.rows][1] != 0 && m.l[i%y.rows/y.cols][1] != 0
				if (v != v) != (seen && i%c == 9) {
					t.Fatalf("%s %s: NaN in channel 9: element %d is %v", s.Name, m.name, i, v)
				}
			}
			if panicOf(func() { m.run(y.x[:len(y.x)-1], y.rows, y.cols, x.x, x.rows, x.cols, c) }) == nil {
				t.Errorf("%s %s: y one float too short did not panic", s.Name, m.name)
			}
			if panicOf(func() { m.run(y.x, y.rows, y.cols, x.x[:len(x.x)-1], x.rows, x.cols, c) }) == nil {
				t.Errorf("%s %s: x one float too short did not panic", s.Name, m.name)
			}
			m.run(nil, 0, 0, nil, 0, 0, 0)
			if a := testing.AllocsPerRun(3, func() { m.run(y.x, y.rows, y.cols, x.x, x.rows, x.cols, c) }); a != 0 {
				t.Errorf("%s %s allocates %v times", s.Name, m.name, a)
			}
		}
	}
}

// TestWinogradBits: a channel has the same bits wherever it stands, if there are 8 and more.
func TestWinogradBits(t *testing.T) {
	const c = 29
	r := rand.New(rand.NewPCG(5, 2))
	for _, s := range Available() {
		for _, m := range tileMaps(s) {
			p, q := len(m.l), len(m.l[0])
			x, y := values(r, q*q*c), make([]float32, p*p*c)
			m.run(y, p*c, c, x, q*c, c, c)
			for from := range c - 7 {
				got := make([]float32, p*p*c)
				m.run(got[from:], p*c, c, x[from:], q*c, c, c-from)
				for i := range p * p {
					checkSame(t, fmt.Sprintf("%s %s from channel %d", s.Name, m.name, from), got[i*c+from:(i+1)*c], y[i*c+from:(i+1)*c])
				}
			}
		}
	}
}

// BenchmarkWinograd is one tile of 64 channels: floats read and written.
func BenchmarkWinograd(b *testing.B) {
	const c = 64
	for _, s := range Available() {
		for _, m := range tileMaps(s) {
			p, q := len(m.l), len(m.l[0])
			x, y := written(q*q*(c+16)), written(p*p*(c+16))
			b.Run(s.Name+"/"+m.name, func(b *testing.B) {
				b.SetBytes(int64(4 * c * (p*p + q*q)))
				for b.Loop() {
					m.run(y, p*(c+16), c+16, x, q*c, c, c)
				}
			})
		}
	}
}
