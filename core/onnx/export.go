package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx/wire"
	"github.com/secateur/secateur/device/durable"
)

// What Export writes: HardSwish raises the operator set to the one that has it.
const (
	exportIR        = 8
	exportOpset     = 13
	opsetHardSwish  = 14
	producer        = "secateur"
	batchSymbol     = "N"
	suffixOfStorage = ".nhwc"
)

// Export writes g at path, whole or not at all: N×C×H×W outside, names and Meta kept, for any
// number of images. Ops that only training has are one error that names all of them.
func Export(g *graph.Graph, path string) error {
	m, err := Model(g)
	if err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	return write(m, path)
}

func write(m *wire.Model, path string) error {
	b, err := m.Marshal()
	if err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	if err := durable.Write(path, b); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// Model is g as an ONNX model.
func Model(g *graph.Graph) (*wire.Model, error) {
	x := newExporter(g)
	if err := x.run(); err != nil {
		return nil, err
	}
	return x.model(), nil
}

func newExporter(g *graph.Graph) *exporter {
	x := &exporter{
		g: g, opset: exportOpset, to: &wire.Graph{Name: producer},
		taken: map[string]bool{}, inits: map[initKey]string{},
	}
	for _, n := range g.Nodes {
		x.taken[n.Name] = true
	}
	return x
}

// model is what was made, with the graph's metadata.
func (x *exporter) model() *wire.Model {
	m := &wire.Model{
		IRVersion: exportIR, Opsets: map[string]int64{"": int64(x.opset)},
		ProducerName: producer, Graph: x.to,
	}
	for _, k := range slices.Sorted(maps.Keys(x.g.Meta)) {
		m.Metadata = append(m.Metadata, wire.KV{Key: k, Value: x.g.Meta[k]})
	}
	return m
}

// exporter is one export. An activation of rank 4 is N×C×H×W under its node's name; other ranks
// are as memory holds them.
type exporter struct {
	g     *graph.Graph
	opset int
	to    *wire.Graph
	taken map[string]bool
	inits map[initKey]string
}

// initKey tells apart the initializers that one leaf becomes: its values in several shapes.
type initKey struct {
	leaf  *graph.Node
	shape string
}

func (x *exporter) run() error {
	if len(x.g.Outputs) == 0 {
		return fmt.Errorf("graph has no output")
	}
	need := x.g.Need(x.g.Outputs...)
	if err := x.known(need); err != nil {
		return err
	}
	for _, n := range x.g.Nodes {
		switch {
		case n.Is(graph.Input):
			x.to.Inputs = append(x.to.Inputs, info(n))
		case !need[n.ID] || n.IsLeaf():
		default:
			if err := x.node(n); err != nil {
				return fmt.Errorf("%s (%s): %w", n.Name, n.Op.Kind(), err)
			}
		}
	}
	return x.infos(need)
}

// known is one error that names all ops that ONNX has no operator for.
func (x *exporter) known(need []bool) error {
	count := map[string]int{}
	for _, n := range x.g.Nodes {
		if _, ok := writers[n.Op.Kind()]; !ok && need[n.ID] && !n.IsLeaf() {
			count[n.Op.Kind()]++
		}
	}
	if len(count) == 0 {
		return nil
	}
	var list []string
	for _, k := range slices.Sorted(maps.Keys(count)) {
		list = append(list, fmt.Sprintf("%s (%d)", k, count[k]))
	}
	return fmt.Errorf("ops without an ONNX operator: %s", strings.Join(list, ", "))
}

// infos lists outputs and the shapes of what lies between.
func (x *exporter) infos(need []bool) error {
	out := map[*graph.Node]bool{}
	for _, n := range x.g.Outputs {
		if n.IsLeaf() {
			return fmt.Errorf("output %q is an %s, not computed", n.Name, n.Op.Kind())
		}
		if out[n] {
			return fmt.Errorf("output %q is listed twice", n.Name)
		}
		out[n] = true
		x.to.Outputs = append(x.to.Outputs, info(n))
	}
	for _, n := range x.g.Nodes {
		if need[n.ID] && !n.IsLeaf() && !out[n] {
			x.to.ValueInfo = append(x.to.ValueInfo, info(n))
		}
	}
	return nil
}

// info is the name and shape of an activation; the batch is a symbol.
func info(n *graph.Node) *wire.ValueInfo {
	v := &wire.ValueInfo{Name: n.Name, DType: wire.Float, Shaped: true}
	for i, d := range Outside(n.Shape) {
		dim := wire.Dim{Value: int64(d)}
		if i == 0 {
			dim = wire.Dim{Value: -1, Param: batchSymbol}
		}
		v.Dims = append(v.Dims, dim)
	}
	return v
}

// emit adds an ONNX node with one output.
func (x *exporter) emit(kind, out string, in []string, attrs map[string]*wire.Attr) string {
	for len(in) > 0 && in[len(in)-1] == "" {
		in = in[:len(in)-1]
	}
	x.to.Nodes = append(x.to.Nodes, &wire.Node{
		Name: out, OpType: kind, Inputs: in, Outputs: []string{out}, Attrs: attrs,
	})
	return out
}

// fresh is a name that nothing has yet.
func (x *exporter) fresh(name string) string {
	for x.taken[name] {
		name += "'"
	}
	x.taken[name] = true
	return name
}

// ints adds an initializer of integers.
func (x *exporter) ints(name string, v ...int64) string {
	name = x.fresh(name)
	x.to.Initializers = append(x.to.Initializers, wire.Int64Tensor(name, []int64{int64(len(v))}, v))
	return name
}

// floats adds an initializer; dims nil makes it a scalar.
func (x *exporter) floats(name string, dims []int64, v ...float32) string {
	name = x.fresh(name)
	x.to.Initializers = append(x.to.Initializers, wire.Float32Tensor(name, dims, v))
	return name
}

// tensor is the name of what n holds as ONNX sees it: an activation, or an initializer.
func (x *exporter) tensor(n *graph.Node) string {
	if !n.IsLeaf() || n.Is(graph.Input) {
		return n.Name
	}
	return x.initializer(n, Outside(n.Shape))
}

// initializer is the leaf under that shape; values of rank 4 go from inside to outside order.
func (x *exporter) initializer(n *graph.Node, shape []int) string {
	key := initKey{n, fmt.Sprint(shape)}
	if name, ok := x.inits[key]; ok {
		return name
	}
	name := n.Name
	for k := range x.inits {
		if k.leaf == n {
			name = x.fresh(n.Name)
			break
		}
	}
	v := n.Value
	if !sameOutside(n.Shape) {
		v = make([]float32, len(n.Value))
		ToNCHW(v, n.Value, n.Shape)
	}
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	x.to.Initializers = append(x.to.Initializers, wire.Float32Tensor(name, dims, v))
	x.inits[key] = name
	return name
}

// stored is the tensor of n with its axes in memory order, for operators that see memory.
func (x *exporter) stored(n *graph.Node) string {
	name := x.tensor(n)
	if len(n.Shape) != 4 {
		return name
	}
	return x.emit("Transpose", x.fresh(n.Name+suffixOfStorage), []string{name},
		map[string]*wire.Attr{"perm": wire.IntsAttr(0, 2, 3, 1)})
}

// rows is the tensor of n with the elements of an image in memory order, under any shape.
func (x *exporter) rows(n *graph.Node) string {
	if sameOutside(n.Shape) {
		return x.tensor(n)
	}
	return x.stored(n)
}

// unstored makes n from a tensor with its axes in memory order.
func (x *exporter) unstored(n *graph.Node, kind string, in []string, attrs map[string]*wire.Attr) {
	if len(n.Shape) != 4 {
		x.emit(kind, n.Name, in, attrs)
		return
	}
	t := x.emit(kind, x.fresh(n.Name+suffixOfStorage), in, attrs)
	x.emit("Transpose", n.Name, []string{t}, map[string]*wire.Attr{"perm": wire.IntsAttr(0, 3, 1, 2)})
}

// unrows makes n from a tensor that has the elements of an image in memory order.
func (x *exporter) unrows(n *graph.Node, from string) {
	dims := []int64{0} // the batch stays
	if sameOutside(n.Shape) {
		for _, d := range Outside(n.Shape)[1:] {
			dims = append(dims, int64(d))
		}
		x.emit("Reshape", n.Name, []string{from, x.ints(n.Name+".shape", dims...)}, nil)
		return
	}
	for _, d := range n.Shape[1:] {
		dims = append(dims, int64(d))
	}
	x.unstored(n, "Reshape", []string{from, x.ints(n.Name+".shape", dims...)}, nil)
}
