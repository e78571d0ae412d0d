package op

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// convCases are convolutions of every kind: x, filters, kernel and attributes.
var convCases = []struct {
	x       tensor.Shape
	filters int
	kernel  [2]int
	op      Conv
}{
	{tensor.Shape{2, 5, 4, 3}, 4, [2]int{1, 1}, Conv{}},
	{tensor.Shape{3, 9, 9, 20}, 50, [2]int{1, 1}, Conv{}},
	{tensor.Shape{2, 6, 7, 5}, 4, [2]int{3, 3}, Conv{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 6, 7, 5}, 4, [2]int{3, 3}, Conv{}},
	{tensor.Shape{1, 7, 6, 4}, 6, [2]int{3, 2}, Conv{Pads: [4]int{2, 0, 1, 3}}},
	{tensor.Shape{2, 7, 8, 3}, 5, [2]int{3, 3}, Conv{Stride: [2]int{2, 2}, Pads: [4]int{0, 0, 1, 1}}},
	{tensor.Shape{2, 8, 9, 3}, 5, [2]int{7, 7}, Conv{Stride: [2]int{2, 2}, Pads: [4]int{3, 3, 3, 3}}},
	{tensor.Shape{2, 7, 8, 3}, 5, [2]int{1, 1}, Conv{Stride: [2]int{2, 3}}},
	{tensor.Shape{1, 9, 11, 3}, 4, [2]int{2, 3}, Conv{Stride: [2]int{3, 1}, Pads: [4]int{1, 0, 0, 1}}},
	{tensor.Shape{1, 9, 9, 3}, 4, [2]int{3, 3}, Conv{Dilation: [2]int{2, 2}, Pads: [4]int{2, 2, 2, 2}}},
	{tensor.Shape{1, 10, 9, 3}, 4, [2]int{3, 3}, Conv{Stride: [2]int{2, 2}, Dilation: [2]int{2, 3}, Pads: [4]int{2, 3, 2, 3}}},
	{tensor.Shape{1, 9, 9, 2}, 4, [2]int{2, 2}, Conv{Stride: [2]int{4, 3}}},
	{tensor.Shape{2, 5, 5, 6}, 4, [2]int{3, 3}, Conv{Groups: 2, Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 6, 5, 6}, 9, [2]int{3, 3}, Conv{Groups: 3, Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 5, 5, 8}, 4, [2]int{1, 1}, Conv{Groups: 4}},
	{tensor.Shape{1, 3, 3, 2}, 3, [2]int{1, 1}, Conv{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{1, 1, 1, 2}, 3, [2]int{3, 3}, Conv{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{1, 6, 6, 100}, 53, [2]int{3, 3}, Conv{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 12, 12, 48}, 97, [2]int{3, 3}, Conv{Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 6, 6, 210}, 230, [2]int{1, 1}, Conv{}},
	{tensor.Shape{2, 6, 6, 300}, 200, [2]int{1, 1}, Conv{}},
	{tensor.Shape{2, 6, 6, 300}, 200, [2]int{1, 1}, Conv{Groups: 2, Stride: [2]int{2, 2}}},
}

func TestConv(t *testing.T) {
	var cases []opCase
	for i, c := range convCases {
		w := tensor.Shape{c.filters, c.kernel[0], c.kernel[1], c.x[3] / c.op.groups()}
		name := fmt.Sprintf("%v with %v of %v", graph.OpString(c.op), w, c.x)
		in := []tensor.Shape{c.x, w, {c.filters}}
		cases = append(cases, opCase{name, c.op, in[:2+i%2], gradOpts{}})
	}
	testOps(t, cases)
}

// TestConvPlain compares with the definition, in float64.
func TestConvPlain(t *testing.T) {
	for _, c := range convCases {
		w := tensor.Shape{c.filters, c.kernel[0], c.kernel[1], c.x[3] / c.op.groups()}
		in := randomIn([]tensor.Shape{c.x, w, {c.filters}}, gradOpts{})
		y, err := c.op.Infer([]tensor.Shape{c.x, w, {c.filters}})
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, graph.OpString(c.op), runNode(t, c.op, in...), plainConv(c.op, in, y), 1e-5)
	}
}

func plainConv(op Conv, in []value, s tensor.Shape) []float32 {
	y := make([]float32, s.Elems())
	for i, v := range exactConv(op, in[0], in[1], s) {
		y[i] = float32(v + float64(in[2].v[i%s[3]]))
	}
	return y
}

func TestConvMACs(t *testing.T) {
	in := randomIn([]tensor.Shape{{2, 8, 8, 4}, {6, 3, 3, 2}}, gradOpts{})
	_, n := oneNode(t, Conv{Groups: 2, Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}, in)
	if got, want := n.Op.(graph.Counter).MACs(n), int64(2*4*4*6*18); got != want {
		t.Errorf("%d multiply-adds, want %d", got, want)
	}
}

func TestConvShapeErrors(t *testing.T) {
	x, w := tensor.Shape{1, 5, 5, 4}, tensor.Shape{6, 3, 3, 4}
	checkRefuses(t, Conv{}, x)
	checkRefuses(t, Conv{}, x, tensor.Shape{6, 4})
	checkRefuses(t, Conv{}, x, tensor.Shape{6, 3, 3, 3})
	checkRefuses(t, Conv{}, x, w, tensor.Shape{5})
	checkRefuses(t, Conv{Groups: 3}, x, w)
	checkRefuses(t, Conv{Groups: 4}, x, tensor.Shape{6, 3, 3, 1})
	checkRefuses(t, Conv{Groups: -1}, x, w)
	checkRefuses(t, Conv{}, x, tensor.Shape{6, 7, 7, 4})
	checkRefuses(t, Conv{Dilation: [2]int{3, 1}}, x, w)
	checkRefuses(t, Conv{Stride: [2]int{-1, 1}}, x, w)
	checkRefuses(t, Conv{Dilation: [2]int{1 << 40, 1}}, x, w)
	checkRefuses(t, Conv{Pads: [4]int{0, -1, 0, 0}}, x, w)
	checkRefuses(t, Conv{Pads: [4]int{1 << 62, 0, 0, 0}}, x, w)
	checkRefuses(t, ConvGradInput{InSize: [2]int{5, 6}}, tensor.Shape{1, 3, 3, 6}, w)
	checkRefuses(t, ConvGradWeight{Kernel: [2]int{2, 3}}, tensor.Shape{1, 3, 3, 6}, x)
	checkRefuses(t, ConvGradWeight{}, tensor.Shape{1, 3, 3, 6}, x)
}

// TestConvOfManyRows: an image so long that a part of it is cut into several bands, and weights so
// small that all of them stay in the cache.
func TestConvOfManyRows(t *testing.T) {
	conv := Conv{Pads: [4]int{1, 1, 1, 1}}
	for _, c := range []int{3, 9} {
		in := randomIn([]tensor.Shape{{1, 900, 8, c}, {4, 3, 3, c}, {4}}, gradOpts{})
		s, err := conv.Infer([]tensor.Shape{in[0].shape, in[1].shape, in[2].shape})
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, fmt.Sprintf("%d channels", c), runNode(t, conv, in...), plainConv(conv, in, s), 1e-5)
	}
}

// TestConvGradWeightOfManyPixels: each way in which pixels are read, for a dw that chunks of them have for themselves and for a
// large one that is cut into tiles.
func TestConvGradWeightOfManyPixels(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	for _, c := range []struct {
		name            string
		kernel, stride  int
		channels, fs, g int
		pixels          string // how they are read: written out, in a band, or by a table
		chunked         bool
	}{
		{"first layer of long rows", 7, 2, 3, 8, 1, "band", true},
		{"first layer of short rows", 3, 2, 3, 8, 1, "written", true},
		{"whole panels", 3, 2, 32, 10, 1, "table", true},
		{"panels half empty", 3, 2, 17, 10, 1, "written", true},
		{"groups of whole panels", 3, 2, 32, 10, 2, "table", true},
		{"groups", 3, 2, 12, 10, 2, "written", true},
		{"a tap", 1, 2, 64, 9, 1, "table", true},
		{"large", 3, 2, 72, 72, 1, "table", false},
		{"large, of odd channels", 3, 2, 71, 75, 1, "table", false},
	} {
		conv := Conv{Stride: [2]int{c.stride, c.stride}, Pads: [4]int{c.kernel / 2, c.kernel / 2, c.kernel / 2, c.kernel / 2}, Groups: c.g}
		x, w := tensor.Shape{2, 23, 21, c.channels}, tensor.Shape{c.fs, c.kernel, c.kernel, c.channels / c.g}
		dy, err := conv.Infer([]tensor.Shape{x, w})
		if err != nil {
			t.Fatal(err)
		}
		weight := ConvGradWeight{Stride: conv.Stride, Pads: conv.Pads, Groups: c.g, Kernel: [2]int{c.kernel, c.kernel}}
		in := []value{normal(rng, 1, dy...), normal(rng, 1, x...)}

		l := &convWeightLoop{e: &graph.Env{Pool: testPool(1)}, filters: dy[3], cols: w[1] * w[2] * w[3]}
		pixels := conv.pixels(x, w, dy)
		l.chunks = convPixelChunks(&pixels, w)
		l.take(pixels, c.g)
		how := "written"
		if l.taken != nil {
			how = map[bool]string{true: "band", false: "table"}[l.taken.band.floats > 0]
		}
		if how != c.pixels || l.chunks > 1 != c.chunked {
			t.Errorf("%s: pixels by %s in %d chunks, want %s, chunks %v", c.name, how, l.chunks, c.pixels, c.chunked)
		}
		want := make([]float32, w.Elems())
		for i, v := range exactWeight(conv, in[0], in[1], w) {
			want[i] = float32(v)
		}
		wantClose(t, c.name, runNode(t, weight, in...), want, 1e-4)
	}
}
