package checkpoint

import (
	"fmt"
	"maps"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// KindModel is the Kind of a file that holds one network.
const KindModel = "secateur model"

// leafTensor is in front of the names of a graph's leaf values among the tensors of a file.
const leafTensor = "leaf/"

// SaveModel writes a network to a model file, durably.
func SaveModel(path string, g *graph.Graph) error {
	f, err := ModelFile(g)
	if err != nil {
		return err
	}
	return Write(path, f)
}

// LoadModel reads a model file.
func LoadModel(path string) (*graph.Graph, error) {
	f, err := Read(path)
	if err != nil {
		return nil, err
	}
	if f.Kind != KindModel {
		return nil, fmt.Errorf("%s: holds a %q, want a %q", path, f.Kind, KindModel)
	}
	g, err := f.Graph()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// ModelFile is a network as a file: structure in Body, leaf values in Tensors, Meta as it is. An
// owner may add tensors and meta of its own.
func ModelFile(g *graph.Graph) (*File, error) {
	e := NewEnc()
	e.List(len(g.Nodes))
	f := &File{Kind: KindModel, Meta: maps.Clone(g.Meta)}
	for _, n := range g.Nodes {
		if err := e.node(n); err != nil {
			return nil, err
		}
		if n.Value != nil {
			f.Tensors = append(f.Tensors, Tensor{Name: leafTensor + n.Name, Shape: n.Shape, F32: n.Value})
		}
	}
	outputs := make([]int, len(g.Outputs))
	for i, o := range g.Outputs {
		outputs[i] = o.ID
	}
	e.Ints(outputs)
	var err error
	f.Body, err = e.Bytes()
	return f, err
}

// node writes name, kind, inputs; then a leaf's role and shape, or an op's attributes.
func (e *Enc) node(n *graph.Node) error {
	e.name(n.Name)
	e.name(n.Op.Kind())
	in := make([]int, len(n.In))
	for i, x := range n.In {
		in[i] = x.ID
	}
	e.Ints(in)
	if n.IsLeaf() {
		e.Ints(n.Shape)
		return nil
	}
	if _, ok := op.ByKind(n.Op.Kind()); !ok {
		return fmt.Errorf("%s: %s is not an op of a model file", n.Name, n.Op.Kind())
	}
	attrs := op.Attrs(n.Op)
	e.List(len(attrs))
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		e.String(name)
		if err := e.attr(attrs[name]); err != nil {
			return fmt.Errorf("%s: %s.%s: %w", n.Name, n.Op.Kind(), name, err)
		}
	}
	return nil
}

// attr writes a tag and a value.
func (e *Enc) attr(v any) error {
	switch v := v.(type) {
	case bool:
		e.String("bool")
		e.Bool(v)
	case int:
		e.String("int")
		e.Int(v)
	case string:
		e.String("string")
		e.String(v)
	case float32:
		e.String("float")
		e.Float(float64(v))
	case float64:
		e.String("float")
		e.Float(v)
	case []int:
		e.String("ints")
		e.Ints(v)
	case []float32:
		e.String("floats")
		e.Floats(widened(v))
	case []float64:
		e.String("floats")
		e.Floats(v)
	default:
		return fmt.Errorf("an attribute of type %T", v)
	}
	return nil
}

func widened(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// Graph is the network that ModelFile put into the file. What does not fit together is an error.
func (f *File) Graph() (*graph.Graph, error) {
	values := map[string]*Tensor{}
	for i := range f.Tensors {
		values[f.Tensors[i].Name] = &f.Tensors[i]
	}
	d := NewDec(f.Body)
	g := graph.New()
	maps.Copy(g.Meta, f.Meta)
	for range d.List() {
		if err := d.node(g, values); err != nil {
			return nil, err
		}
	}
	for _, id := range d.Ints() {
		if id < 0 || id >= len(g.Nodes) {
			return nil, fmt.Errorf("output %d of %d nodes", id, len(g.Nodes))
		}
		g.Outputs = append(g.Outputs, g.Nodes[id])
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return g, g.CheckMeta()
}

func (d *Dec) node(g *graph.Graph, values map[string]*Tensor) error {
	name, kind := d.name(), d.name()
	var in []*graph.Node
	for _, id := range d.Ints() {
		if id < 0 || id >= len(g.Nodes) {
			return fmt.Errorf("%s: input %d does not stand before it", name, id)
		}
		in = append(in, g.Nodes[id])
	}
	if d.Err() == nil && g.Node(name) != nil {
		return fmt.Errorf("two nodes are named %q", name)
	}
	for role := graph.Input; role <= graph.State; role++ {
		if kind == role.String() {
			if len(in) > 0 {
				return fmt.Errorf("%s: %d inputs, want none for a leaf", name, len(in))
			}
			return d.leaf(g, name, role, values[leafTensor+name])
		}
	}
	attrs := d.attrs()
	if d.Err() != nil {
		return d.Err()
	}
	o, err := op.WithAttrs(kind, attrs)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	n, err := g.Try(name, o, in...)
	if err != nil {
		return err
	}
	return checkRank(name, n.Shape)
}

// attrs reads what node wrote of an op's fields.
func (d *Dec) attrs() map[string]any {
	attrs := map[string]any{}
	for range d.List() {
		name := d.name()
		if _, ok := attrs[name]; ok {
			d.fail("attribute %.40q is there twice", name)
		}
		attrs[name] = d.attr()
	}
	return attrs
}

// checkRank bounds the axes of a tensor: a list of a million axes, copied from node to node,
// would make a small file take all memory.
func checkRank(name string, s tensor.Shape) error {
	if len(s) > MaxRank {
		return fmt.Errorf("%s: %d axes, at most %d allowed", name, len(s), MaxRank)
	}
	return nil
}

func (d *Dec) leaf(g *graph.Graph, name string, role graph.Role, t *Tensor) error {
	shape := tensor.Shape(d.Ints())
	if d.Err() != nil {
		return d.Err()
	}
	if err := checkRank(name, shape); err != nil {
		return err
	}
	if err := shape.Check(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if role == graph.Input {
		g.Leaf(name, role, shape, nil)
		return nil
	}
	if t == nil {
		return fmt.Errorf("%s: its tensor is missing", name)
	}
	if len(t.F32) != shape.Elems() || !shape.Equal(t.Shape) {
		return fmt.Errorf("%s: its tensor holds %d floats of shape %v, want %v", name, len(t.F32), tensor.Shape(t.Shape), shape)
	}
	v := tensor.Floats(len(t.F32))
	copy(v, t.F32)
	g.Leaf(name, role, shape, v)
	return nil
}

func (d *Dec) attr() any {
	switch tag := d.String(); tag {
	case "bool":
		return d.Bool()
	case "int":
		return d.Int()
	case "string":
		return d.String()
	case "float":
		return d.Float()
	case "ints":
		return d.Ints()
	case "floats":
		return d.Floats()
	default:
		d.fail("an attribute of type %q", tag)
		return nil
	}
}
