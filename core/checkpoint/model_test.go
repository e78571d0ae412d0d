package checkpoint

import (
	"bytes"
	"math"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// models builds graphs with numbers that are all different.
type models struct {
	*graph.Graph
	next float32
}

func (m *models) param(name string, s ...int) *graph.Node {
	v := make([]float32, tensor.Shape(s).Elems())
	for i := range v {
		m.next += 0.25
		v[i] = m.next
	}
	return m.Leaf(name, graph.Param, s, v)
}

// everyOp is a graph with each op that a model file may hold, attributes set where it has any.
func everyOp() *graph.Graph {
	m := &models{Graph: graph.New()}
	x := m.Leaf("x", graph.Input, tensor.Shape{2, 6, 6, 4}, nil)
	f := m.Leaf("features", graph.Input, tensor.Shape{2, 12}, nil)
	add := func(o graph.Op, in ...*graph.Node) *graph.Node {
		n := m.Add(o.Kind(), o, in...)
		m.Outputs = append(m.Outputs, n)
		return n
	}
	for _, o := range []graph.Op{op.Clip{Min: -1, Max: float32(math.Inf(1))}, op.Dropout{Ratio: 0.25}, op.Exp{}, op.GlobalAveragePool{},
		op.HardSigmoid{Alpha: 1. / 6, Beta: 0.5}, op.HardSwish{}, op.Identity{}, op.LeakyRelu{Alpha: 0.1}, op.Log{}, op.LogSoftmax{}, op.Neg{},
		op.Relu{}, op.Sigmoid{}, op.Silu{}, op.Softmax{}, op.Tanh{}, op.LRN{Size: 3, Alpha: 1e-4, Beta: 0.75, Bias: 1},
		op.AveragePool{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Pads: [4]int{1, 0, 1, 0}, Ceil: true, CountPad: true},
		op.MaxPool{Kernel: [2]int{2, 3}, Stride: [2]int{2, 2}, Dilation: [2]int{1, 2}, Pads: [4]int{0, 1, 0, 1}, Ceil: true},
		op.Gather{Index: []int{3, 1, 0}}, op.Pad{Pads: [4]int{1, 2, 3, 4}, Channels: [2]int{1, 2}, Value: -0.5},
		op.ReduceMean{Axis: 2, Keep: true}, op.Reshape{Dims: []int{3, 48}}, op.Slice{Axis: 3, Start: 1, Count: 2, Step: 2},
		op.Resize{Mode: "linear", Coord: "align_corners", Size: [2]int{9, 3}}, op.Transpose{Perm: []int{0, 3, 1, 2}},
	} {
		add(o, x)
	}
	add(op.Rearrange{Dims: []int{2, 3}, Index: []int{11, 9, 7, 5, 3, 1}}, f)
	add(op.Gemm{}, f, m.param("gemm.w", 5, 12), m.param("gemm.b", 5))
	add(op.Conv{Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pads: [4]int{1, 2, 0, 2}, Groups: 2}, x, m.param("conv.w", 6, 3, 3, 2), m.param("conv.b", 6))
	add(op.Depthwise{Stride: [2]int{1, 2}, Pads: [4]int{1, 1, 1, 1}}, x, m.param("dw.w", 8, 3, 3, 1))
	add(op.BatchNormalization{Eps: 1e-3}, x, m.param("gamma", 4), m.param("beta", 4), m.Leaf("mean", graph.State, tensor.Shape{4}, []float32{1, 2, 3, 4}),
		m.Leaf("var", graph.State, tensor.Shape{4}, []float32{1e-30, 2, 3, 4}))
	add(op.PRelu{}, x, m.param("slope", 4))
	two := m.Leaf("two", graph.Const, nil, []float32{2})
	for _, o := range []graph.Op{op.Add{}, op.Sub{}, op.Mul{}, op.Div{}, op.Max{}, op.Min{}} {
		add(o, x, two)
	}
	add(op.Concat{Axis: 3}, x, m.Node("Relu"), x)
	m.SetLabels([]string{"ok", "scratch, \"deep\""})
	m.SetPreprocess(graph.Preprocess{Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.4, 57.1, 57.4}, BGR: true, Letterbox: true, Views: 2})
	return m.Graph
}

// wantSameGraph compares nodes, attributes, values, outputs and meta.
func wantSameGraph(t *testing.T, got, want *graph.Graph) {
	t.Helper()
	if err := got.Check(); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(want.String(), got.String()); d != "" {
		t.Fatalf("nodes (-want +got):\n%s", d)
	}
	for i, n := range want.Nodes {
		if m := got.Nodes[i]; !reflect.DeepEqual(m.Op, n.Op) || !reflect.DeepEqual(m.Value, n.Value) {
			t.Errorf("%s is %#v with %d values, want %#v with %d", n.Name, m.Op, len(m.Value), n.Op, len(n.Value))
		}
	}
	for i, o := range want.Outputs {
		if got.Outputs[i].ID != o.ID {
			t.Errorf("output %d is %s, want %s", i, got.Outputs[i].Name, o.Name)
		}
	}
	if d := cmp.Diff(want.Meta, got.Meta); d != "" || len(got.Outputs) != len(want.Outputs) {
		t.Errorf("%d outputs, want %d; meta (-want +got):\n%s", len(got.Outputs), len(want.Outputs), d)
	}
}

func TestModelRoundTripOfEveryOp(t *testing.T) {
	want := everyOp()
	for _, o := range op.Kinds {
		if want.Node(o.Kind()) == nil {
			t.Errorf("%s is not among the ops of this test", o.Kind())
		}
	}
	path := filepath.Join(t.TempDir(), "m.secateur")
	if err := SaveModel(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := LoadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	wantSameGraph(t, got, want)
	if p := got.Preprocess(); p != want.Preprocess() || len(got.Labels()) != 2 {
		t.Errorf("preprocessing %v, labels %q", p, got.Labels())
	}
	got.Node("gemm.w").Value[0] = 99
	if want.Node("gemm.w").Value[0] == 99 {
		t.Error("the graph that was read shares values with the one that was written")
	}
}

func TestModelOfNothing(t *testing.T) {
	f, err := ModelFile(graph.New())
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Graph()
	if err != nil || len(g.Nodes) != 0 {
		t.Errorf("%v, %v", g, err)
	}
}

func TestTheSameModelGivesTheSameBytes(t *testing.T) {
	f, err := ModelFile(everyOp())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := ModelFile(everyOp())
		if err != nil || !bytes.Equal(again.Body, f.Body) {
			t.Fatalf("other bytes, %v", err)
		}
	}
}

func TestSaveModelRefusesWhatOnlyTrainingHas(t *testing.T) {
	g := graph.New()
	g.Add("total", op.Sum{}, g.Leaf("x", graph.Input, tensor.Shape{2}, nil))
	wantError(t, SaveModel(filepath.Join(t.TempDir(), "m"), g), "total: Sum is not an op of a model file")
}

func TestLoadModelWantsAModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	if err := Write(path, small()); err != nil {
		t.Fatal(err)
	}
	_, err := LoadModel(path)
	wantError(t, err, `holds a "train", want a "secateur model"`)
}

// tiny is x → relu → fc: what damage is done to.
func tiny() *graph.Graph {
	m := &models{Graph: graph.New()}
	x := m.Leaf("x", graph.Input, tensor.Shape{1, 3}, nil)
	m.Outputs = []*graph.Node{m.Add("fc", op.Gemm{}, m.Add("relu", op.LeakyRelu{Alpha: 0.5}, x), m.param("w", 2, 3))}
	return m.Graph
}

// head writes the head of a leaf, or of an op before its attributes.
func head(e *Enc, name, kind string, in ...int) {
	e.String(name)
	e.String(kind)
	e.Ints(in)
}

// oneOp is a body of an input x and one op on it whose attributes write puts down.
func oneOp(kind string, attrs int, write func(e *Enc)) func(e *Enc) {
	return func(e *Enc) {
		e.List(2)
		head(e, "x", "Input")
		e.Ints([]int{2, 4})
		head(e, "y", kind, 0)
		e.List(attrs)
		write(e)
		e.Ints([]int{1})
	}
}

func TestDamagedBodiesAreErrors(t *testing.T) {
	ones := make([]int, 1000)
	for i := range ones {
		ones[i] = 1
	}
	for _, c := range []struct {
		want  string
		write func(e *Enc)
	}{
		{"EOF", func(e *Enc) {}},
		{"bytes are left", func(e *Enc) { e.List(5) }},
		{"y: input 1 does not stand before it", func(e *Enc) { e.List(2); xLeaf(e); head(e, "y", "Relu", 1) }},
		{"y: input -1 does not stand before it", func(e *Enc) { e.List(2); xLeaf(e); head(e, "y", "Relu", -1) }},
		{"y: input 4611686018427387904 does not stand", func(e *Enc) { e.List(2); xLeaf(e); head(e, "y", "Relu", 1<<62) }},
		{`two nodes are named "x"`, func(e *Enc) { e.List(2); xLeaf(e); xLeaf(e) }},
		{`op kind "Relv" is not known`, oneOp("Relv", 0, func(*Enc) {})},
		{`op kind "Sum" is not known`, oneOp("Sum", 0, func(*Enc) {})},
		{`Relu has no attribute "Alpha"`, oneOp("Relu", 1, func(e *Enc) { e.String("Alpha"); e.String("int"); e.Int(1) })},
		{"attribute Alpha: string, want float32", oneOp("LeakyRelu", 1, func(e *Enc) { e.String("Alpha"); e.String("string"); e.String("1") })},
		{"attribute Alpha: 1e+300 is out of range", oneOp("LeakyRelu", 1, func(e *Enc) { e.String("Alpha"); e.String("float"); e.Float(1e300) })},
		{"attribute Perm: value 0: float64, want int", oneOp("Transpose", 1, func(e *Enc) { e.String("Perm"); e.String("floats"); e.Floats([]float64{0, 1}) })},
		{`an attribute of type "blob"`, oneOp("LeakyRelu", 1, func(e *Enc) { e.String("Alpha"); e.String("blob") })},
		{`attribute "Alpha" is there twice`, oneOp("LeakyRelu", 2, func(e *Enc) {
			for range 2 {
				e.String("Alpha")
				e.String("float")
				e.Float(1)
			}
		})},
		{"y (Reshape): input 2×4 to 2×5", oneOp("Reshape", 1, func(e *Enc) { e.String("Dims"); e.String("ints"); e.Ints([]int{5}) })},
		{"y (Reshape): shape 2×4611686018427387904", oneOp("Reshape", 1, func(e *Enc) { e.String("Dims"); e.String("ints"); e.Ints([]int{1 << 62}) })},
		{"y: 1002 axes, at most 16", oneOp("Reshape", 1, func(e *Enc) { e.String("Dims"); e.String("ints"); e.Ints(append([]int{4, 1}, ones[1:]...)) })},
		{"x: shape 4294967296×4294967296", func(e *Enc) { e.List(1); head(e, "x", "Input"); e.Ints([]int{1 << 32, 1 << 32}) }},
		{"x: shape 0", func(e *Enc) { e.List(1); head(e, "x", "Input"); e.Ints([]int{0}) }},
		{"x: shape -3×-1", func(e *Enc) { e.List(1); head(e, "x", "Input"); e.Ints([]int{-3, -1}) }},
		{"x: 1000 axes, at most 16", func(e *Enc) { e.List(1); head(e, "x", "Input"); e.Ints(ones) }},
		{"z: 1 inputs, want none for a leaf", func(e *Enc) { e.List(2); xLeaf(e); head(e, "z", "Input", 0); e.Ints([]int{1}) }},
		{"q: its tensor is missing", func(e *Enc) { e.List(1); head(e, "q", "Const"); e.Ints([]int{2}) }},
		{"w: its tensor holds 6 floats of shape 2×3, want 2×4", func(e *Enc) { e.List(1); head(e, "w", "Param"); e.Ints([]int{2, 4}) }},
		{"w: its tensor holds 6 floats of shape 2×3, want 3×2", func(e *Enc) { e.List(1); head(e, "w", "Param"); e.Ints([]int{3, 2}) }},
		{"w: its tensor holds 6 floats of shape 2×3, want 2147483647", func(e *Enc) { e.List(1); head(e, "w", "Param"); e.Ints([]int{math.MaxInt32}) }},
		{"output 1 of 1 nodes", func(e *Enc) { e.List(1); xLeaf(e); e.Ints([]int{1}) }},
		{"output -1 of 1 nodes", func(e *Enc) { e.List(1); xLeaf(e); e.Ints([]int{-1}) }},
		{"bytes left over", func(e *Enc) { e.List(1); xLeaf(e); e.Ints([]int{0}); e.Int(3) }},
		{"integer", func(e *Enc) { e.List(1); head(e, "x", "Input"); e.Strings([]string{"2"}) }},
		{"name bytes of 5000, at most 4096", func(e *Enc) { e.List(1); head(e, strings.Repeat("n", 5000), "Input"); e.Ints([]int{1}) }},
	} {
		f, err := ModelFile(tiny())
		if err != nil {
			t.Fatal(err)
		}
		e := NewEnc()
		c.write(e)
		if f.Body, err = e.Bytes(); err != nil {
			t.Fatal(err)
		}
		_, err = f.Graph()
		wantError(t, err, c.want)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("error of more than one line: %q", err)
		}
	}
}

// xLeaf writes the input x of four floats.
func xLeaf(e *Enc) {
	head(e, "x", "Input")
	e.Ints([]int{1, 4})
}

func TestTruncatedAndForeignContentIsAnError(t *testing.T) {
	f, err := ModelFile(tiny())
	if err != nil {
		t.Fatal(err)
	}
	for n := range f.Body {
		cut := *f
		cut.Body = f.Body[:n]
		if _, err := cut.Graph(); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(f.Body))
		}
	}
	f.Tensors[0].F32, f.Tensors[0].U8 = nil, make([]byte, 6)
	_, err = f.Graph()
	wantError(t, err, "w: its tensor holds 0 floats")
	f, _ = ModelFile(tiny())
	f.Meta = map[string]string{graph.MetaStd: "1,0,1"}
	_, err = f.Graph()
	wantError(t, err, "standard deviation [1 0 1] is not positive")
}

// FuzzModel reads any body beside the tensors of everyOp. What it accepts holds its own check and
// is the same again after writing and reading; nothing takes more memory than the body warrants.
func FuzzModel(f *testing.F) {
	every, err := ModelFile(everyOp())
	if err != nil {
		f.Fatal(err)
	}
	one, err := ModelFile(tiny())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(every.Body)
	f.Add(one.Body)
	tensors := append(every.Tensors, one.Tensors...)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 1<<16 {
			return
		}
		file := &File{Kind: KindModel, Body: body, Tensors: tensors}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		g, err := file.Graph()
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
			t.Errorf("%d bytes of memory for a body of %d", took, len(body))
		}
		if err == nil {
			writeAgain(t, g)
		}
	})
}

func writeAgain(t *testing.T, g *graph.Graph) {
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	f, err := ModelFile(g)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.Graph()
	if err != nil {
		t.Fatal(err)
	}
	if again.String() != g.String() {
		t.Errorf("written and read again\n%v\nis\n%v", g, again)
	}
}
