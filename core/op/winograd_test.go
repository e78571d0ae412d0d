package op

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// winogradCases are maps whose tiles fit or hang over an edge, with every kind of padding, and
// channels that do not fill blocks.
var winogradCases = []struct {
	x       tensor.Shape
	filters int
	pads    [4]int
}{
	{tensor.Shape{1, 8, 8, 16}, 16, [4]int{1, 1, 1, 1}},
	{tensor.Shape{2, 7, 9, 19}, 35, [4]int{1, 1, 1, 1}},
	{tensor.Shape{3, 10, 6, 70}, 33, [4]int{0, 2, 1, 0}},
	{tensor.Shape{1, 3, 5, 130}, 66, [4]int{3, 0, 2, 4}},
	{tensor.Shape{2, 23, 21, 5}, 3, [4]int{0, 0, 0, 0}},
	{tensor.Shape{9, 18, 19, 8}, 40, [4]int{1, 1, 1, 1}},
	{tensor.Shape{1, 3, 3, 1}, 1, [4]int{0, 0, 0, 0}},
	{tensor.Shape{2, 23, 22, 9}, 140, [4]int{1, 1, 1, 1}},  // more filters than are summed at a time
	{tensor.Shape{2, 21, 22, 135}, 70, [4]int{1, 1, 1, 1}}, // and more channels
	{tensor.Shape{1, 8, 8, 210}, 130, [4]int{1, 1, 1, 1}},  // more channels than are transformed at a time
}

// winogradOp is an op lowered by Winograd whether that wins or not.
type winogradOp struct {
	graph.Op
	lower func(e *graph.Env, n *graph.Node) *winogradLoop
	few   bool
	twice bool // an epilogue doubles the output
}

// Lower packs in front of the loop.
func (o winogradOp) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return lowerUnpacked(o, e, n, m, o.double(e, m))
}

func (o winogradOp) double(e *graph.Env, m *graph.Mem) hooks {
	if !o.twice {
		return hooks{}
	}
	return hooks{end: func(_, lo, hi int) { e.Kernels.Scale(m.Out[lo:hi], 2, m.Out[lo:hi]) }}
}

func (o winogradOp) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return lowerUnpacked(o, e, n, m, h)
}

func (o winogradOp) lowering(e *graph.Env, n *graph.Node, _ bool) lowering {
	l := o.lower(e, n)
	if o.few {
		return newWinogradFew(l)
	}
	return l
}

// TestWinograd compares both loops, with a bias and an epilogue, forward and backward, with the
// loops by rows, on every set and number of threads.
func TestWinograd(t *testing.T) {
	for _, c := range winogradCases {
		conv := Conv{Pads: c.pads}
		in := randomIn([]tensor.Shape{c.x, {c.filters, 3, 3, c.x[3]}, {c.filters}}, gradOpts{})
		y, err := conv.Infer([]tensor.Shape{in[0].shape, in[1].shape})
		if err != nil {
			t.Fatal(err)
		}
		dy := value{y, make([]float32, y.Elems())}
		uniform(-1, 1)(0, rand.New(rand.NewPCG(7, 7)), dy.v)
		back := ConvGradInput{Pads: c.pads, InSize: [2]int{c.x[1], c.x[2]}}
		for _, few := range []bool{false, true} {
			name := fmt.Sprintf("%v with %d filters, pads %v, few %t", c.x, c.filters, c.pads, few)
			wantDouble(t, "y of "+name, runNode(t, winogradOp{conv, conv.winograd, few, true}, in...), plainConv(conv, in, y))
			want := byRows(t, back, dy, in[1])
			wantDouble(t, "dx of "+name, runNode(t, winogradOp{back, back.winograd, few, true}, dy, in[1]), want)
		}
	}
}

// wantDouble compares with twice what the loops by rows make: the epilogue doubles.
func wantDouble(t *testing.T, what string, got, half []float32) {
	t.Helper()
	want := make([]float32, len(half))
	for i, v := range half {
		want[i] = 2 * v
	}
	wantClose(t, what, got, want, 1e-5)
}

// byRows is the output of an op with the loops that do not use Winograd.
func byRows(t testing.TB, o graph.Op, in ...value) []float32 {
	t.Helper()
	return quickRun(t, rowsOp{o}, in)
}

// rowsOp is an op lowered by rows of pixels whatever would win.
type rowsOp struct{ graph.Op }

// rowLowerer is an op with weights that can be lowered so.
type rowLowerer interface {
	packer
	rowLowering(e *graph.Env, n *graph.Node, atRest bool) lowering
}

func (o rowsOp) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return lowerUnpacked(o, e, n, m, h)
}

func (o rowsOp) lowering(e *graph.Env, n *graph.Node, atRest bool) lowering {
	return o.Op.(rowLowerer).rowLowering(e, n, atRest)
}

// Lower is that of the op in the form by rows.
func (o rowsOp) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	if dw, ok := o.Op.(ConvGradWeight); ok {
		return dw.rowLoop(e, n, m, hooks{})
	}
	return o.lowerWith(e, n, m, hooks{})
}

// winogradWeightOp is ConvGradWeight by Winograd, in groups of at most that many tiles.
type winogradWeightOp struct {
	ConvGradWeight
	group int
}

// Lower is that of the op.
func (o winogradWeightOp) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return o.winograd(e, n, o.group).loop(m)
}

// TestWinogradWeight compares the gradient of the weights, of one group of tiles and of several,
// with the loop by rows, on every set and number of threads.
func TestWinogradWeight(t *testing.T) {
	for _, c := range winogradCases {
		w := tensor.Shape{c.filters, 3, 3, c.x[3]}
		dy, err := Conv{Pads: c.pads}.Infer([]tensor.Shape{c.x, w})
		if err != nil {
			t.Fatal(err)
		}
		in := randomIn([]tensor.Shape{dy, c.x}, gradOpts{})
		op := ConvGradWeight{Pads: c.pads, Kernel: [2]int{3, 3}}
		want := byRows(t, op, in...)
		for _, group := range []int{3, winogradGroup, 1000} {
			name := fmt.Sprintf("%v with %d filters, pads %v, groups of %d", c.x, c.filters, c.pads, group)
			wantClose(t, name, runNode(t, winogradWeightOp{op, group}, in...), want, 1e-5)
		}
	}
}

// TestWinogradError: with normal inputs and weights of variance 2/(9·C) the root of the mean square
// error stays below 5e-6 of the mean magnitude, on every set, at 64 and at 512 channels; that of
// the gradient of the weights, for normal dy, below 1e-5.
func TestWinogradError(t *testing.T) {
	for _, c := range []int{64, 512} {
		rng := rand.New(rand.NewPCG(8, uint64(c)))
		x := normal(rng, 1, 1, 8, 8, c)
		w := normal(rng, math.Sqrt(2/float64(9*c)), 16, 3, 3, c)
		conv := Conv{Pads: [4]int{1, 1, 1, 1}}
		y, _ := conv.Infer([]tensor.Shape{x.shape, w.shape})
		dy := normal(rng, 1, y...)
		weight := ConvGradWeight{Pads: conv.Pads, Kernel: [2]int{3, 3}}
		back := ConvGradInput{Pads: conv.Pads, InSize: [2]int{8, 8}}
		turned := normal(rng, math.Sqrt(2/float64(9*c)), c, 3, 3, 16)
		wantY, wantDW, wantDX := exactConv(conv, x, w, y), exactWeight(conv, dy, x, w.shape), exactInput(conv, x, turned, y)
		for _, set := range kernels.Available() {
			name := fmt.Sprintf("%s with %d channels", set.Name, c)
			checkRMS(t, "y of "+name, runOn(t, set, winogradOp{conv, conv.winograd, false, false}, x, w), wantY, 5e-6)
			checkRMS(t, "dw of "+name, runOn(t, set, winogradWeightOp{weight, winogradGroup}, dy, x), wantDW, 1e-5)
			checkRMS(t, "dx of "+name, runOn(t, set, winogradOp{back, back.winograd, true, false}, x, turned), wantDX, 5e-6)
		}
	}
}

func normal(rng *rand.Rand, deviation float64, s ...int) value {
	v := value{s, make([]float32, tensor.Shape(s).Elems())}
	for i := range v.v {
		v.v[i] = float32(deviation * rng.NormFloat64())
	}
	return v
}

// runOn is the output on one set.
func runOn(t *testing.T, set kernels.Set, o graph.Op, in ...value) []float32 {
	t.Helper()
	g, n := oneNode(t, o, in)
	p := prepare(t, g, set, 1, -1)
	p.run()
	return p.mem[n.ID]
}

func checkRMS(t *testing.T, what string, got []float32, want []float64, most float64) {
	t.Helper()
	square, mean := 0.0, 0.0
	for i, v := range want {
		d := float64(got[i]) - v
		square, mean = square+d*d, mean+math.Abs(v)
	}
	n := float64(len(want))
	rms := math.Sqrt(square/n) / (mean / n)
	t.Logf("%s: %.2g", what, rms)
	if !(rms <= most) {
		t.Errorf("%s: error %.2g of the mean magnitude, want at most %.2g", what, rms, most)
	}
}

// eachProduct visits every product of a convolution by its elements of x, w and y.
func eachProduct(c Conv, x, w, y tensor.Shape, visit func(x, w, y int)) {
	win, per := c.window([2]int{w[1], w[2]}), y[3]/c.groups()
	for o := range y.Elems() {
		oy, ox, f := o/(y[2]*y[3])%y[1], o/y[3]%y[2], o%y[3]
		for k := range w[1] * w[2] {
			py := oy*win.stride[0] - win.pads[0] + k/w[2]*win.dilation[0]
			px := ox*win.stride[1] - win.pads[1] + k%w[2]*win.dilation[1]
			if py < 0 || py >= x[1] || px < 0 || px >= x[2] {
				continue
			}
			from, at := ((o/(y[1]*y[2]*y[3])*x[1]+py)*x[2]+px)*x[3]+f/per*w[3], (f*w[1]*w[2]+k)*w[3]
			for ch := range w[3] {
				visit(from+ch, at+ch, o)
			}
		}
	}
}

// exactConv is the convolution in float64.
func exactConv(c Conv, x, w value, y tensor.Shape) []float64 {
	sum := make([]float64, y.Elems())
	eachProduct(c, x.shape, w.shape, y, func(i, k, o int) { sum[o] += float64(x.v[i]) * float64(w.v[k]) })
	return sum
}

func exactInput(c Conv, dy, w value, x tensor.Shape) []float64 {
	sum := make([]float64, x.Elems())
	eachProduct(c, x, w.shape, dy.shape, func(i, k, o int) { sum[i] += float64(dy.v[o]) * float64(w.v[k]) })
	return sum
}

func exactWeight(c Conv, dy, x value, w tensor.Shape) []float64 {
	sum := make([]float64, w.Elems())
	eachProduct(c, x.shape, w, dy.shape, func(i, k, o int) { sum[k] += float64(dy.v[o]) * float64(x.v[i]) })
	return sum
}
