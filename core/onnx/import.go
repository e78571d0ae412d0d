package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx/wire"
	"github.com/secateur/secateur/core/op"
)

// importer is one import: the graph that grows, and what every ONNX tensor has become so far.
type importer struct {
	g      *graph.Graph
	m      *wire.Graph
	dir    string
	o      Options
	opset  int
	steps  []step
	uses   map[string]int // how often a tensor is read, graph outputs included
	inits  map[string]*wire.Tensor
	values map[string]*value
	leaves map[leafKey]*graph.Node
	taken  map[string]bool // names of ONNX tensors
	spent  int
}

// step is an ONNX node and what to do for it.
type step struct {
	n  *wire.Node
	op operator
}

func newImporter(m *wire.Model, dir string, o Options) (*importer, error) {
	v, ok := m.Opsets[""]
	switch {
	case !ok:
		return nil, fmt.Errorf("no version of the default operator set, want %d to %d", MinOpset, MaxOpset)
	case v < MinOpset || v > MaxOpset:
		return nil, fmt.Errorf("operator set %d, want %d to %d", v, MinOpset, MaxOpset)
	case m.Graph == nil || len(m.Graph.Nodes) == 0:
		return nil, fmt.Errorf("graph is empty")
	case len(m.Graph.Outputs) == 0:
		return nil, fmt.Errorf("graph has no output")
	}
	im := &importer{
		g: graph.New(), m: m.Graph, dir: dir, o: o, opset: int(v),
		values: map[string]*value{}, leaves: map[leafKey]*graph.Node{},
	}
	nodes, err := im.sortNodes()
	if err != nil {
		return nil, err
	}
	if err := unsupported(nodes); err != nil {
		return nil, err
	}
	im.countUses(nodes)
	im.steps = im.fuse(nodes)
	return im, nil
}

// unsupported is one error that names all operators without an importer, how often each.
func unsupported(nodes []*wire.Node) error {
	count := map[string]int{}
	for _, n := range nodes {
		if _, ok := operators[n.OpType]; ok && n.Domain == "" {
			continue
		}
		name := n.OpType
		if n.Domain != "" {
			name = n.Domain + "." + name
		}
		count[name]++
	}
	if len(count) == 0 {
		return nil
	}
	list := make([]string, 0, len(count))
	for name, k := range count {
		list = append(list, fmt.Sprintf("%s (%d)", name, k))
	}
	slices.Sort(list)
	return fmt.Errorf("unsupported operators: %s", strings.Join(list, ", "))
}

func (im *importer) countUses(nodes []*wire.Node) {
	im.uses = map[string]int{}
	for _, n := range nodes {
		for _, in := range n.Inputs {
			im.uses[in]++
		}
	}
	for _, o := range im.m.Outputs {
		im.uses[o.Name]++
	}
}

// run takes in inputs, constants and then node after node.
func (im *importer) run() error {
	for _, in := range im.m.Inputs {
		if im.inits[in.Name] != nil {
			continue
		}
		if err := im.input(in); err != nil {
			return fmt.Errorf("input %q: %w", in.Name, err)
		}
	}
	for _, t := range im.m.Initializers {
		if im.uses[t.Name] == 0 {
			continue
		}
		v, err := im.constant(t.Name, t)
		if err != nil {
			return fmt.Errorf("initializer %q: %w", t.Name, err)
		}
		im.values[t.Name] = v
	}
	for _, s := range im.steps {
		if err := im.step(s); err != nil {
			return fmt.Errorf("node %s: %w", title(s.n), err)
		}
	}
	return nil
}

// title names a node for errors: its operator, its name and the tensor it makes.
func title(n *wire.Node) string {
	t := n.OpType
	if n.Name != "" {
		t += " " + n.Name
	}
	if len(n.Outputs) > 0 && n.Outputs[0] != n.Name {
		t += " → " + n.Outputs[0]
	}
	return t
}

func (im *importer) step(s step) error {
	c := &call{importer: im, n: s.n}
	if n := len(s.n.Inputs); n < s.op.min || n > s.op.max {
		return fmt.Errorf("%d inputs, want %d to %d", n, s.op.min, s.op.max)
	}
	known := true
	for i, name := range s.n.Inputs {
		var v *value
		if name != "" {
			if v = im.values[name]; v == nil {
				return fmt.Errorf("input %q is an optional output of its node that is not supported", name)
			}
			known = known && v.data != nil
		} else if i < s.op.min || s.op.max == many {
			return fmt.Errorf("input %d is left out", i)
		}
		c.in = append(c.in, v)
	}
	if known && s.op.fold != nil {
		return s.op.fold(c)
	}
	if s.op.run == nil {
		return fmt.Errorf("supported on constants only, but an input is computed")
	}
	return s.op.run(c)
}

// constant reads a tensor: floats as float32, all else as int64.
func (im *importer) constant(name string, t *wire.Tensor) (*value, error) {
	v := &value{name: name, data: &constant{}}
	for _, d := range t.Dims {
		v.shape = append(v.shape, int(d))
	}
	var err error
	switch t.DType {
	case wire.Float, wire.Double, wire.Float16, wire.BFloat16:
		v.data.floats, err = t.Float32s(im.dir)
	default:
		v.data.ints, err = t.Int64s(im.dir)
		if v.data.ints == nil {
			v.data.ints = []int64{}
		}
	}
	return v, err
}

// input adds an Input leaf: N×C×H×W is stored N×H×W×C, unless that is how it comes.
func (im *importer) input(in *wire.ValueInfo) error {
	switch in.DType {
	case wire.Float, wire.Double, wire.Float16, wire.BFloat16:
	default:
		return fmt.Errorf("element type %s, want FLOAT", in.DType)
	}
	if !in.Shaped || len(in.Dims) == 0 {
		return fmt.Errorf("no shape, want the batch and at least one more axis")
	}
	order := natural(len(in.Dims))
	if im.channelsLast(in) {
		order = plain(4)
	}
	shape, err := im.inputShape(in.Dims, order)
	if err != nil {
		return err
	}
	s := permute(shape, order)
	if err := s.Check(); err != nil {
		return err
	}
	im.values[in.Name] = whole(in.Name, im.g.Leaf(in.Name, graph.Input, s, nil), order)
	return nil
}

// channelsLast reports whether the last axis of an input is as short as colours are, and all that
// is done with the input is to turn N×H×W×C into N×C×H×W: exporters do so whose framework has
// the channels last.
func (im *importer) channelsLast(in *wire.ValueInfo) bool {
	name, turned := in.Name, 0
	if len(in.Dims) != 4 || im.uses[name] == 0 || in.Dims[3].Value < 1 || in.Dims[3].Value > 4 {
		return false
	}
	for _, s := range im.steps {
		if s.n.OpType != "Transpose" || len(s.n.Inputs) != 1 || s.n.Inputs[0] != name {
			continue
		}
		perm, err := s.n.Ints("perm")
		if err == nil && slices.Equal(perm, []int64{0, 3, 1, 2}) {
			turned++
		}
	}
	return turned == im.uses[name]
}

// inputShape settles the axes that the file leaves open: one image, and the size asked for.
func (im *importer) inputShape(dims []wire.Dim, order []int) ([]int, error) {
	shape := make([]int, len(dims))
	for axis, d := range dims {
		shape[axis] = int(d.Value)
		switch {
		case axis == 0 && d.Value > 1:
			return nil, fmt.Errorf("a batch of %d, want 1 or a symbol", d.Value)
		case axis == 0:
			shape[0] = 1
		case len(dims) == 4 && axis == order[1] && im.o.Height > 0:
			shape[axis] = im.o.Height
		case len(dims) == 4 && axis == order[2] && im.o.Width > 0:
			shape[axis] = im.o.Width
		case d.Value < 1:
			return nil, fmt.Errorf("axis %d is open (%q): give the height and width of the images", axis, d.Param)
		}
	}
	return shape, nil
}

// finish makes the outputs, in natural order and under their ONNX names, and drops what no
// output needs.
func (im *importer) finish() (*graph.Graph, error) {
	rename := map[*graph.Node]string{}
	for _, o := range im.m.Outputs {
		n, err := im.output(o.Name, rename)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", o.Name, err)
		}
		im.g.Outputs = append(im.g.Outputs, n)
	}
	need := im.g.Need(im.g.Outputs...)
	g, _, err := graph.Map(im.g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		if !need[n.ID] {
			return nil, nil
		}
		if name, ok := rename[n]; ok {
			renamed := *n
			renamed.Name = name
			n = &renamed
		}
		return dst.Keep(n, in)
	})
	if err != nil {
		return nil, err
	}
	if len(g.Role(graph.Input)) == 0 {
		return nil, fmt.Errorf("no output depends on an input")
	}
	return g, g.Check()
}

// output is the node of an output. A node that has its name but not its order of axes gives the
// name up.
func (im *importer) output(name string, rename map[*graph.Node]string) (*graph.Node, error) {
	v := im.values[name]
	switch {
	case v == nil:
		return nil, fmt.Errorf("is an optional output of its node that is not supported")
	case v.data != nil:
		return nil, fmt.Errorf("is a constant")
	}
	n, err := im.at(v, natural(len(v.shape)))
	if err != nil || n.Name == name {
		return n, err
	}
	if inner := im.g.Node(name); inner != nil {
		rename[inner] = im.fresh(name + ".inner")
	}
	if n, err = im.g.Try(im.fresh(name+".output"), op.Identity{}, n); err == nil {
		rename[n] = name
	}
	return n, err
}

// note tells the user something, if the user wants to hear it.
func (im *importer) note(format string, args ...any) {
	if im.o.Note != nil {
		im.o.Note(fmt.Sprintf(format, args...))
	}
}
