package op

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// image is the shape of most inputs below: odd sizes, more channels than a vector is wide.
var image = tensor.Shape{2, 5, 6, 9}

// registryCases is at least one case for every op of Kinds.
func registryCases() []opCase {
	return slices.Concat(activationCases(), operandCases(), moveCases(), poolCases(), layerCases())
}

func activationCases() []opCase {
	one := []tensor.Shape{image}
	kinks := func(k ...float32) gradOpts { return gradOpts{fill: awayFrom(k...)} }
	slopes := byInput(map[int]func(int, *rand.Rand, []float32){0: awayFrom(0)})
	return []opCase{
		{"relu", Relu{}, one, kinks(0)},
		{"relu of a vector", Relu{}, []tensor.Shape{{40000}}, gradOpts{fill: awayFrom(0), noCut: true}},
		{"clip", Clip{-1, 0.5}, one, kinks(-1, 0.5)},
		{"clip without upper bound", Clip{-1, infinity}, one, kinks(-1)},
		{"leaky relu", LeakyRelu{0.1}, one, kinks(0)},
		{"leaky relu, negative", LeakyRelu{-0.5}, one, kinks(0)},
		{"prelu", PRelu{}, []tensor.Shape{image, {9}}, gradOpts{fill: slopes}},
		{"prelu, slope 1×1×C", PRelu{}, []tensor.Shape{image, {1, 1, 9}}, gradOpts{fill: slopes}},
		{"prelu, one slope", PRelu{}, []tensor.Shape{image, {1}}, gradOpts{fill: slopes}},
		{"prelu of many rows", PRelu{}, []tensor.Shape{{4, 30, 31, 5}, {5}}, gradOpts{fill: slopes}},
		{"hard swish", HardSwish{}, one, gradOpts{fill: scaled(2, awayFrom(-1.5, 1.5))}},
		{"hard sigmoid", HardSigmoid{0.5, 0.5}, one, kinks(-1, 1)},
		{"sigmoid", Sigmoid{}, one, gradOpts{fill: uniform(-4, 4)}},
		{"silu", Silu{}, one, gradOpts{fill: uniform(-4, 4)}},
		{"tanh", Tanh{}, one, gradOpts{fill: uniform(-3, 3)}},
		{"exp", Exp{}, one, gradOpts{}},
		{"log", Log{}, one, gradOpts{fill: uniform(0.5, 4)}},
		{"neg", Neg{}, one, gradOpts{}},
		{"identity", Identity{}, one, gradOpts{}},
		{"dropout", Dropout{0.5}, one, gradOpts{}},
		{"dropout in training", DropoutTrain{0.4, 3}, []tensor.Shape{image, {1}}, gradOpts{noGrad: []int{1}, noCut: true}},
		{"softmax", Softmax{}, []tensor.Shape{{2, 3, 7}}, gradOpts{fill: uniform(-2, 2)}},
		{"log softmax", LogSoftmax{}, []tensor.Shape{{5, 7}}, gradOpts{fill: uniform(-2, 2)}},
		{"lrn", LRN{5, 0.5, 0.75, 1}, one, gradOpts{}},
		{"lrn, even window", LRN{4, 0.5, 0.6, 2}, one, gradOpts{}},
		{"lrn, window beyond the channels", LRN{100, 9, 0.75, 1}, one, gradOpts{}},
	}
}

// scaled multiplies what fill made.
func scaled(by float32, fill func(int, *rand.Rand, []float32)) func(int, *rand.Rand, []float32) {
	return func(i int, rng *rand.Rand, v []float32) {
		fill(i, rng, v)
		for i := range v {
			v[i] *= by
		}
	}
}

// operandCases is each op of two operands with every way in which they can meet.
func operandCases() []opCase {
	meetings := map[string][]tensor.Shape{
		"equal":              {image, image},
		"scalar":             {image, {}},
		"one value":          {{1}, image},
		"channel":            {image, {9}},
		"channel first":      {{1, 1, 1, 9}, image},
		"gate":               {image, {2, 1, 1, 9}},
		"gate first":         {{2, 1, 1, 9}, image},
		"plane":              {image, {2, 5, 6, 1}},
		"constant image":     {image, {1, 5, 6, 9}},
		"both ways":          {{2, 1, 6, 1}, {1, 5, 1, 9}},
		"column and row":     {{2, 1}, {9}},
		"rank":               {{6, 9}, image},
		"one channel":        {{2, 3, 1}, {2, 3, 1}},
		"many rows":          {{3, 20, 50, 7}, {7}},
		"many planes":        {{3, 20, 50, 7}, {3, 1, 1, 7}},
		"one value for many": {{3, 20, 50, 7}, {1}},
	}
	apart := func(i int, rng *rand.Rand, v []float32) { // a on quarters, b in between
		for k := range v {
			v[k] = float32(rng.IntN(20)-10)/4 + float32(i)/8
		}
	}
	positive := byInput(map[int]func(int, *rand.Rand, []float32){1: uniform(1, 2)})
	small := gradOpts{fill: apart, step: 1. / 64}
	var cases []opCase
	for how, in := range meetings {
		for _, c := range []opCase{{"add", Add{}, in, gradOpts{}}, {"sub", Sub{}, in, gradOpts{}}, {"mul", Mul{}, in, gradOpts{}},
			{"div", Div{}, in, gradOpts{fill: positive}}, {"max", Max{}, in, small}, {"min", Min{}, in, small}} {
			c.name += ", " + how
			cases = append(cases, c)
		}
	}
	return cases
}

func moveCases() []opCase {
	one := []tensor.Shape{image}
	flat := make([]int, 270)
	for i := range flat {
		flat[i] = (i * 7) % 270
	}
	return []opCase{
		{"concat channels", Concat{3}, []tensor.Shape{image, {2, 5, 6, 3}, {2, 5, 6, 4}}, gradOpts{}},
		{"concat height", Concat{1}, []tensor.Shape{image, {2, 2, 6, 9}}, gradOpts{}},
		{"concat one", Concat{1}, []tensor.Shape{{3, 4}}, gradOpts{}},
		{"slice channels", Slice{3, 2, 5, 1}, one, gradOpts{}},
		{"slice every second channel", Slice{3, 1, 4, 2}, one, gradOpts{}},
		{"slice without step", Slice{Axis: 3, Count: 9}, one, gradOpts{}},
		{"slice height", Slice{1, 0, 3, 2}, one, gradOpts{}},
		{"gather", Gather{[]int{8, 0, 3, 3, 5, 1}}, one, gradOpts{}},
		{"pad", Pad{Pads: [4]int{1, 2, 0, 3}, Value: 2}, one, gradOpts{}},
		{"pad channels", Pad{Pads: [4]int{0, 0, 1, 0}, Channels: [2]int{2, 3}}, one, gradOpts{}},
		{"flatten", Reshape{[]int{270}}, one, gradOpts{}},
		{"unflatten", Reshape{[]int{5, 6, 9}}, []tensor.Shape{{2, 270}}, gradOpts{}},
		{"merge pixels", Reshape{[]int{30, 9}}, one, gradOpts{}},
		{"split channels", Reshape{[]int{5, 6, 3, 3}}, one, gradOpts{}},
		{"channels to pixels", Reshape{[]int{270, 1}}, one, gradOpts{}},
		{"reshape to odd channels", Reshape{[]int{27, 10}}, one, gradOpts{}},
		{"transpose pixels", Transpose{[]int{0, 2, 1, 3}}, one, gradOpts{}},
		{"transpose channels", Transpose{[]int{0, 3, 1, 2}}, one, gradOpts{}},
		{"rearrange", Rearrange{[]int{9, 30}, flat}, one, gradOpts{}},
		{"rearrange a part", Rearrange{[]int{4}, []int{269, 0, 5, 5}}, one, gradOpts{}},
	}
}

func poolCases() []opCase {
	one, k3 := []tensor.Shape{image}, [2]int{3, 3}
	ladder := gradOpts{fill: distinct, step: 1. / 64}
	cases := []opCase{
		{"max pool", MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, one, ladder},
		{"max pool, overlapping", MaxPool{Kernel: k3, Stride: [2]int{2, 1}, Pads: [4]int{1, 1, 1, 1}}, one, ladder},
		{"max pool, dilated", MaxPool{Kernel: k3, Dilation: [2]int{2, 3}, Pads: [4]int{2, 2, 1, 4}, Ceil: true}, one, ladder},
		{"max pool over gaps", MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{3, 3}, Ceil: true}, one, ladder},
		{"max pool of large images", MaxPool{Kernel: k3, Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}},
			[]tensor.Shape{{1, 61, 63, 5}}, ladder},
		{"max pool of many taps", MaxPool{Kernel: [2]int{17, 16}, Stride: [2]int{1, 2}}, []tensor.Shape{{1, 18, 19, 2}}, ladder},
		{"max pool of everything", MaxPool{Kernel: [2]int{16, 16}}, []tensor.Shape{{2, 16, 16, 3}}, ladder},
		{"average pool", AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, one, gradOpts{}},
		{"average pool, overlapping", AveragePool{Kernel: k3, Stride: [2]int{1, 2}, Pads: [4]int{2, 0, 1, 1}}, one, gradOpts{}},
		{"average pool, padded", AveragePool{Kernel: k3, Stride: [2]int{2, 2}, Pads: [4]int{0, 1, 2, 1}, Ceil: true, CountPad: true}, one, gradOpts{}},
		{"average pool over gaps", AveragePool{Kernel: [2]int{1, 2}, Stride: [2]int{4, 3}}, one, gradOpts{}},
		{"global average pool", GlobalAveragePool{}, one, gradOpts{}},
		{"mean over height", ReduceMean{1, false}, one, gradOpts{}},
		{"mean over width", ReduceMean{2, true}, one, gradOpts{}},
		{"mean over channels", ReduceMean{3, true}, one, gradOpts{}},
		{"mean over channels, dropped", ReduceMean{3, false}, one, gradOpts{}},
		{"resize of large images", Resize{Mode: "linear", Size: [2]int{50, 31}}, []tensor.Shape{{2, 25, 41, 5}}, gradOpts{}},
	}
	for _, mode := range resizeModes {
		for _, coord := range resizeCoords {
			r := Resize{Mode: mode, Coord: coord, Scale: [2]float32{1.7, 0.6}}
			cases = append(cases, opCase{"resize " + mode + " " + coord, r, one, gradOpts{}})
		}
	}
	return cases
}

// layerCases is the ops with weights, which have tests of their own: here for their ties.
func layerCases() []opCase {
	variances := byInput(map[int]func(int, *rand.Rand, []float32){4: uniform(1, 2)})
	return []opCase{
		{"conv", Conv{Pads: [4]int{1, 1, 1, 1}}, []tensor.Shape{{1, 5, 5, 8}, {6, 3, 3, 8}, {6}}, gradOpts{}},
		{"depthwise", Depthwise{}, []tensor.Shape{{1, 5, 5, 6}, {12, 3, 3, 1}, {12}}, gradOpts{}},
		{"gemm", Gemm{}, []tensor.Shape{{3, 8}, {7, 8}, {7}}, gradOpts{}},
		{"batch norm", BatchNormalization{1e-3}, []tensor.Shape{{2, 3, 3, 6}, {6}, {6}, {6}, {6}},
			gradOpts{fill: variances, noGrad: []int{3, 4}}},
	}
}

// TestRegistry runs every case: gradient, sets of kernels, thread counts, in-place, ties.
func TestRegistry(t *testing.T) { testOps(t, registryCases()) }

// TestRegistryCovered holds that every kind has a case, and that kinds are listed once, in order.
func TestRegistryCovered(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range registryCases() {
		seen[c.op.Kind()] = true
	}
	for i, op := range Kinds {
		if !seen[op.Kind()] {
			t.Errorf("%s has no case", op.Kind())
		}
		if i > 0 && Kinds[i-1].Kind() >= op.Kind() {
			t.Errorf("%s stands behind %s", op.Kind(), Kinds[i-1].Kind())
		}
		if got, ok := ByKind(op.Kind()); !ok || got.Kind() != op.Kind() {
			t.Errorf("ByKind(%q) is %v", op.Kind(), got)
		}
	}
	if _, ok := ByKind("ReluGrad"); ok {
		t.Error("a gradient is in the registry")
	}
}

// TestNaNStays holds that activations and pools let a diverged training be seen.
func TestNaNStays(t *testing.T) {
	x := value{tensor.Shape{1, 2, 2, 1}, []float32{1, nan, 2, 3}}
	for _, op := range []graph.Op{Relu{}, Clip{0, 6}, LeakyRelu{0.1}, HardSwish{}, HardSigmoid{0.2, 0.5}, Sigmoid{}, Silu{},
		Tanh{}, Exp{}, Softmax{}, LogSoftmax{}, MaxPool{Kernel: [2]int{2, 2}}, AveragePool{Kernel: [2]int{2, 2}}} {
		y := quickRun(t, op, []value{x})
		if !slices.ContainsFunc(y, func(v float32) bool { return v != v }) {
			t.Errorf("%s of NaN is %v", op.Kind(), y)
		}
	}
}

// TestMaxPoolKeepsBytes holds that the gradient reads places, not x, where a byte counts the taps,
// and that two losses share them.
func TestMaxPoolKeepsBytes(t *testing.T) {
	for kernel, want := range map[int]string{16: "MaxPoolGrad", 17: "MaxPoolLargeGrad"} {
		g := graph.New()
		x := g.Leaf("x", graph.Input, tensor.Shape{1, 20, 20, 3}, nil)
		n := g.Add("y", MaxPool{Kernel: [2]int{kernel, kernel}}, x)
		var dx [2]*graph.Node
		for i := range dx {
			dx[i] = n.Op.(graph.Grader).Grad(g, n, g.Leaf("dy", graph.Input, n.Shape, nil), []bool{true})[0]
		}
		if dx[0].Op.Kind() != want || dx[0].In[1] != dx[1].In[1] || slices.Contains(dx[0].In, x) != (kernel == 17) {
			t.Errorf("kernel %d: gradients\n%v", kernel, g)
		}
	}
}

// TestMaxPoolTies holds that a gradient goes to the first of equal maxima, once.
func TestMaxPoolTies(t *testing.T) {
	x := value{tensor.Shape{1, 2, 3, 1}, []float32{1, 1, 1, 1, 1, 1}}
	g, n := oneNode(t, MaxPool{Kernel: [2]int{2, 2}}, []value{x})
	dx := n.Op.(graph.Grader).Grad(g, n, g.Leaf("dy", graph.Const, n.Shape, []float32{3, 5}), []bool{true})
	p := sameEverywhere(t, g)
	if got := p.mem[dx[0].ID]; !slices.Equal(got, []float32{3, 5, 0, 0, 0, 0}) {
		t.Errorf("dx = %v", got)
	}
}

func TestMaxPoolWithoutPixels(t *testing.T) {
	p := MaxPool{Kernel: [2]int{1, 2}, Dilation: [2]int{1, 4}, Pads: [4]int{0, 3, 0, 3}}
	y := runNode(t, p, val(tensor.Shape{1, 1, 2, 1}, 5, 7))
	if !slices.Equal(y, []float32{7, 0, 0, 5}[:len(y)]) {
		t.Errorf("y = %v", y)
	}
}

func TestMaxOfEqualSharesGradient(t *testing.T) {
	s := tensor.Shape{1}
	g, n := oneNode(t, Max{}, []value{val(s, 2), val(s, 2)})
	d := n.Op.(graph.Grader).Grad(g, n, g.Leaf("dy", graph.Const, s, []float32{3}), []bool{true, true})
	p := sameEverywhere(t, g)
	if a, b := p.mem[d[0].ID][0], p.mem[d[1].ID][0]; a != 1.5 || b != 1.5 {
		t.Errorf("gradients %g and %g of dy = 3", a, b)
	}
}

// TestDropoutTrain holds the share, the scale, and what the draw depends on.
func TestDropoutTrain(t *testing.T) {
	x := value{tensor.Shape{100000}, slices.Repeat([]float32{1}, 100000)}
	draw := func(seed int, step float32) []float32 {
		return runNode(t, DropoutTrain{0.3, seed}, x, val(tensor.Shape{1}, step))
	}
	y, dropped := draw(1, 5), 0
	for _, v := range y {
		switch {
		case v == 0:
			dropped++
		case abs32(v-1/0.7) > 1e-6:
			t.Fatalf("%g, want 0 or %g", v, 1/0.7)
		}
	}
	if dropped < 29500 || dropped > 30500 { // 3.4 standard deviations
		t.Errorf("%d of 100000 dropped, want 30000", dropped)
	}
	for what, other := range map[string][]float32{"seed": draw(2, 5), "step": draw(1, 6)} {
		same := 0
		for i := range y {
			if y[i] == other[i] {
				same++
			}
		}
		if same < 57500 || same > 58500 { // 0.7² + 0.3²
			t.Errorf("another %s agrees in %d of 100000, want 58000", what, same)
		}
	}
	wantBits(t, "same seed and step", draw(1, 5), y)
}

// TestInputsStay holds that an op writes to its output only.
func TestInputsStay(t *testing.T) {
	for _, c := range registryCases() {
		if _, alias := c.op.(graph.Aliaser); alias {
			continue
		}
		in := randomIn(c.in, c.gradOpts)
		g, _ := oneNode(t, c.op, in)
		p := prepare(t, g, kernels.Generic(), 1, -1)
		p.run()
		for i := range in {
			wantBits(t, fmt.Sprintf("%s: input %d", c.name, i), p.mem[i], in[i].v)
		}
	}
}
