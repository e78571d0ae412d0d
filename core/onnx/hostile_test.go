package onnx

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/onnx/wire"
)

// image is an input N×3×8×8.
func image(name string) *wire.ValueInfo {
	return &wire.ValueInfo{Name: name, DType: wire.Float, Shaped: true,
		Dims: []wire.Dim{{Value: -1, Param: "N"}, {Value: 3}, {Value: 8}, {Value: 8}}}
}

func wireNode(kind, out string, in ...string) *wire.Node {
	return &wire.Node{OpType: kind, Inputs: in, Outputs: []string{out}}
}

// small is a model of one Relu that tests spoil.
func small() *wire.Model {
	return &wire.Model{IRVersion: 8, Opsets: map[string]int64{"": 13}, Graph: &wire.Graph{
		Inputs: []*wire.ValueInfo{image("x")}, Outputs: []*wire.ValueInfo{{Name: "y"}},
		Nodes: []*wire.Node{wireNode("Relu", "y", "x")},
	}}
}

func TestBadModels(t *testing.T) {
	huge := []int64{1 << 31, 1 << 31, 1}
	for name, c := range map[string]struct {
		spoil func(m *wire.Model)
		want  string
	}{
		"no graph":     {func(m *wire.Model) { m.Graph = nil }, "graph is empty"},
		"no nodes":     {func(m *wire.Model) { m.Graph.Nodes = nil }, "graph is empty"},
		"no output":    {func(m *wire.Model) { m.Graph.Outputs = nil }, "no output"},
		"no opset":     {func(m *wire.Model) { m.Opsets = nil }, "want 7 to 21"},
		"old opset":    {func(m *wire.Model) { m.Opsets[""] = 6 }, "operator set 6, want 7 to 21"},
		"new opset":    {func(m *wire.Model) { m.Opsets[""] = 22 }, "operator set 22, want 7 to 21"},
		"missing":      {func(m *wire.Model) { m.Graph.Nodes[0].Inputs[0] = "z" }, `node Relu → y needs tensor "z", which nothing makes`},
		"missing out":  {func(m *wire.Model) { m.Graph.Outputs[0].Name = "z" }, `an output needs tensor "z"`},
		"self":         {func(m *wire.Model) { m.Graph.Nodes[0].Inputs[0] = "y" }, "cycle"},
		"made twice":   {func(m *wire.Model) { m.Graph.Nodes = append(m.Graph.Nodes, wireNode("Relu", "y", "x")) }, `tensor "y" is made twice`},
		"output twice": {func(m *wire.Model) { m.Graph.Outputs = append(m.Graph.Outputs, m.Graph.Outputs[0]) }, `output "y" is listed twice`},
		"input twice":  {func(m *wire.Model) { m.Graph.Inputs = append(m.Graph.Inputs, image("x")) }, `tensor "x" is made twice`},
		"cycle": {func(m *wire.Model) {
			m.Graph.Nodes = []*wire.Node{wireNode("Add", "y", "x", "a"), wireNode("Relu", "a", "b"), wireNode("Relu", "b", "y")}
		}, "cycle"},
		"unsupported": {func(m *wire.Model) {
			m.Graph.Nodes = []*wire.Node{wireNode("Foo", "a", "x"), wireNode("Bar", "b", "a"), wireNode("Foo", "y", "b")}
		}, "unsupported operators: Bar (1), Foo (2)"},
		"other domain": {func(m *wire.Model) { m.Graph.Nodes[0].Domain = "com.acme" }, "unsupported operators: com.acme.Relu (1)"},
		"attribute type": {func(m *wire.Model) {
			m.Graph.Nodes[0] = wireNode("LeakyRelu", "y", "x")
			m.Graph.Nodes[0].Attrs = map[string]*wire.Attr{"alpha": wire.IntAttr(1)}
		}, `attribute "alpha" is of type INT, want FLOAT`},
		"inputs of a node": {func(m *wire.Model) { m.Graph.Nodes[0].Inputs = nil }, "0 inputs, want 1 to 1"},
		"input left out":   {func(m *wire.Model) { m.Graph.Nodes[0].Inputs[0] = "" }, "input 0 is left out"},
		"open width":       {func(m *wire.Model) { m.Graph.Inputs[0].Dims[3] = wire.Dim{Value: -1, Param: "w"} }, `input "x": axis 3 is open ("w"): give the height and width`},
		"batch of 8":       {func(m *wire.Model) { m.Graph.Inputs[0].Dims[0] = wire.Dim{Value: 8} }, "a batch of 8"},
		"integer input":    {func(m *wire.Model) { m.Graph.Inputs[0].DType = wire.Int64 }, "element type INT64"},
		"no shape":         {func(m *wire.Model) { m.Graph.Inputs[0].Shaped = false }, "no shape"},
		"overflow": {func(m *wire.Model) {
			for i, d := range huge {
				m.Graph.Inputs[0].Dims[1+i] = wire.Dim{Value: d}
			}
		}, "more than 2147483647 elements"},
		"metadata":        {func(m *wire.Model) { m.Metadata = []wire.KV{{Key: "secateur.mean", Value: "1,2"}} }, "secateur.mean"},
		"output constant": {func(m *wire.Model) { m.Graph.Nodes[0] = wireNode("Shape", "y", "x") }, `output "y": is a constant`},
		"dropout mask": {func(m *wire.Model) {
			m.Graph.Nodes = []*wire.Node{{OpType: "Dropout", Inputs: []string{"x"}, Outputs: []string{"d", "mask"}}, wireNode("Add", "y", "d", "mask")}
		}, `"mask" is an optional output`},
		"gather out of range": {func(m *wire.Model) {
			m.Graph.Initializers = []*wire.Tensor{wire.Int64Tensor("i", []int64{1}, []int64{3})}
			m.Graph.Nodes[0] = wireNode("Gather", "y", "x", "i")
			m.Graph.Nodes[0].Attrs = map[string]*wire.Attr{"axis": wire.IntAttr(1)}
		}, "index 3 of an axis of length 3"},
		"computed shape": {func(m *wire.Model) { m.Graph.Nodes[0] = wireNode("Reshape", "y", "x", "x") }, "not a constant of integers"},
		"batch moved": {func(m *wire.Model) {
			m.Graph.Nodes[0] = wireNode("Transpose", "y", "x")
		}, "want the batch (1) as its first axis"},
		"much memory": {func(m *wire.Model) {
			m.Graph.Initializers = []*wire.Tensor{wire.Int64Tensor("s", []int64{2}, []int64{1 << 15, 1 << 15})}
			m.Graph.Nodes = []*wire.Node{wireNode("ConstantOfShape", "c", "s"), wireNode("Add", "y", "x", "c")}
		}, "more than 67108864 elements"},
		"much movement": {func(m *wire.Model) {
			m.Graph.Inputs[0].Dims[2], m.Graph.Inputs[0].Dims[3] = wire.Dim{Value: 1 << 14}, wire.Dim{Value: 1 << 14}
			m.Graph.Nodes[0] = wireNode("Transpose", "y", "x")
		}, "more than 67108864 elements"},
	} {
		m := small()
		c.spoil(m)
		_, err := FromModel(m, ".", Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

// TestDeepChain holds that depth costs no stack.
func TestDeepChain(t *testing.T) {
	m := small()
	m.Graph.Nodes = nil
	names := []string{"x"}
	for i := range 20000 {
		names = append(names, "r"+string(rune('a'+i%26))+strings.Repeat("z", i/26%7)+string(rune(0x4e00+i)))
	}
	names[len(names)-1] = "y"
	for i := len(names) - 1; i > 0; i-- {
		m.Graph.Nodes = append(m.Graph.Nodes, wireNode("Relu", names[i], names[i-1]))
	}
	g, err := FromModel(m, ".", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Nodes) != 20001 {
		t.Errorf("%d nodes, want 20001", len(g.Nodes))
	}
}

func TestOptions(t *testing.T) {
	m := small()
	m.Graph.Inputs[0].Dims[2], m.Graph.Inputs[0].Dims[3] = wire.Dim{Value: -1, Param: "h"}, wire.Dim{Value: -1}
	m.Metadata = []wire.KV{{Key: "secateur.labels", Value: `["a","b"]`}, {Key: "secateur.std", Value: "2,2,2"}, {Key: "who", Value: "me"}}
	g, err := FromModel(m, ".", Options{Height: 16, Width: 24, Mean: &[3]float32{1, 2, 3}, BGR: true})
	if err != nil {
		t.Fatal(err)
	}
	if s := g.Outputs[0].Shape.String(); s != "1×16×24×3" {
		t.Errorf("output %s, want 1×16×24×3", s)
	}
	p := g.Preprocess()
	if p.Mean != [3]float32{1, 2, 3} || p.Std != [3]float32{2, 2, 2} || !p.BGR || g.Meta["who"] != "me" || len(g.Labels()) != 2 {
		t.Errorf("meta %v", g.Meta)
	}
}

// accepts imports m, and exports what was imported. No model may make either panic.
func accepts(dir string, m *wire.Model) error {
	g, err := FromModel(m, dir, Options{})
	if err == nil {
		_, err = Model(g)
	}
	return err
}

// TestSpoiledModels spoils every case in many ways, each in one to three places.
func TestSpoiledModels(t *testing.T) {
	for i, b := range caseFiles(t) {
		for seed := range uint64(10) {
			m, err := wire.Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			spoil(m, rand.New(rand.NewPCG(uint64(i), seed)))
			if err := accepts(casesDir, m); err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error of more than one line: %v", err)
			}
		}
	}
}

// spoil changes one to three things in a model.
func spoil(m *wire.Model, r *rand.Rand) {
	for range 1 + r.IntN(3) {
		n := m.Graph.Nodes[r.IntN(len(m.Graph.Nodes))]
		switch r.IntN(7) {
		case 0:
			m.Opsets[""] = 7 + r.Int64N(15)
		case 1:
			d := m.Graph.Inputs[r.IntN(len(m.Graph.Inputs))].Dims
			d[r.IntN(len(d))].Value = oddNumber(r)
		case 2:
			n.OpType = someOperator(r)
		case 3:
			rewire(m.Graph, n, r)
		case 4:
			spoilInts(m.Graph, r)
		default:
			spoilAttr(n, r)
		}
	}
}

func oddNumber(r *rand.Rand) int64 {
	odd := []int64{-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1000, 1 << 20, 1<<31 - 1, 1 << 31, 1 << 40, math.MaxInt64, math.MinInt64}
	return odd[r.IntN(len(odd))]
}

func someOperator(r *rand.Rand) string {
	names := slices.Sorted(maps.Keys(operators))
	return names[r.IntN(len(names))]
}

// rewire changes, adds or removes an input of n.
func rewire(g *wire.Graph, n *wire.Node, r *rand.Rand) {
	names := []string{"", "x"}
	for _, t := range g.Initializers {
		names = append(names, t.Name)
	}
	for _, n := range g.Nodes {
		names = append(names, n.Outputs...)
	}
	name := names[r.IntN(len(names))]
	switch {
	case len(n.Inputs) == 0 || r.IntN(3) == 0:
		n.Inputs = append(n.Inputs, name)
	case r.IntN(3) == 0:
		n.Inputs = n.Inputs[:len(n.Inputs)-1]
	default:
		n.Inputs[r.IntN(len(n.Inputs))] = name
	}
}

// spoilInts replaces an initializer by odd integers, or its floats by as many of another shape.
func spoilInts(g *wire.Graph, r *rand.Rand) {
	if len(g.Initializers) == 0 {
		return
	}
	i := r.IntN(len(g.Initializers))
	old := g.Initializers[i]
	if old.DType != wire.Int64 {
		n, _ := old.Elems()
		g.Initializers[i] = wire.Float32Tensor(old.Name, []int64{int64(n), 1}[:1+r.IntN(2)], make([]float32, n))
		return
	}
	v, _ := old.Int64s("")
	for k := range v {
		if r.IntN(2) == 0 {
			v[k] = oddNumber(r)
		}
	}
	g.Initializers[i] = wire.Int64Tensor(old.Name, old.Dims, v)
}

func spoilAttr(n *wire.Node, r *rand.Rand) {
	names := slices.Sorted(maps.Keys(n.Attrs))
	if len(names) == 0 {
		n.Attrs = map[string]*wire.Attr{}
		names = []string{"axis", "axes", "perm", "pads", "strides", "group", "mode", "to", "split", "keepdims", "alpha"}
	}
	name := names[r.IntN(len(names))]
	a := n.Attrs[name]
	if a == nil {
		a = &wire.Attr{Type: wire.AttrType(1 + r.IntN(8))}
	}
	c := *a
	c.Ints = slices.Clone(a.Ints)
	c.I, c.F = oddNumber(r), float32(oddNumber(r))
	if len(c.Ints) > 0 && r.IntN(4) > 0 {
		c.Ints[r.IntN(len(c.Ints))] = oddNumber(r)
	} else {
		c.Ints = append(c.Ints, oddNumber(r))
	}
	if c.Type == wire.AttrTensor {
		c.T = wire.Int64Tensor("", []int64{1}, []int64{oddNumber(r)})
	}
	n.Attrs[name] = &c
}

// FuzzImport holds that no bytes make Import panic, nor a model that seed spoiled.
func FuzzImport(f *testing.F) {
	for i, b := range caseFiles(f) {
		f.Add(b, uint64(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		m, err := wire.Parse(b)
		if err != nil {
			return
		}
		err = accepts(casesDir, m)
		if err == nil && seed != 0 && len(m.Opsets) > 0 {
			spoil(m, rand.New(rand.NewPCG(seed, 0)))
			err = accepts(casesDir, m)
		}
		if err != nil {
			t.Log(err)
		}
	})
}
