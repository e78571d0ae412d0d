package wire

import (
	"errors"
	"fmt"
)

// Fields of GraphProto.
const (
	graphNode        = 1
	graphName        = 2
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12
	graphValueInfo   = 13
	graphSparse      = 15
)

// graphReader gathers the graph and counts the attributes of all its nodes.
type graphReader struct {
	*Graph
	attrs int
}

func (g *graphReader) field(f field) (err error) {
	switch f.num {
	case graphNode:
		err = g.node(f)
	case graphName:
		g.Name, err = f.name()
	case graphInitializer:
		err = g.initializer(f)
	case graphInput:
		g.Inputs, err = appendValue(g.Inputs, "input", f)
	case graphOutput:
		g.Outputs, err = appendValue(g.Outputs, "output", f)
	case graphValueInfo:
		g.ValueInfo, err = appendValue(g.ValueInfo, "value info", f)
	case graphSparse:
		err = errors.New("sparse initializers are not supported")
	}
	return err
}

func (g *graphReader) node(f field) error {
	if len(g.Nodes) == MaxNodes {
		return fmt.Errorf("more than %d nodes", MaxNodes)
	}
	n := &Node{}
	if err := f.message(n.field); err != nil {
		return fmt.Errorf("node %d (%s %q): %w", len(g.Nodes), n.OpType, n.Name, err)
	}
	if g.attrs += len(n.Attrs); g.attrs > MaxAttrs {
		return fmt.Errorf("more than %d attributes", MaxAttrs)
	}
	g.Nodes = append(g.Nodes, n)
	return nil
}

func (g *graphReader) initializer(f field) error {
	if len(g.Initializers) == MaxNodes {
		return fmt.Errorf("more than %d initializers", MaxNodes)
	}
	t, err := readTensor(f)
	if err != nil {
		return fmt.Errorf("initializer %d: %w", len(g.Initializers), err)
	}
	g.Initializers = append(g.Initializers, t)
	return nil
}

// Fields of NodeProto.
const (
	nodeInput     = 1
	nodeOutput    = 2
	nodeName      = 3
	nodeOpType    = 4
	nodeAttribute = 5
	nodeDomain    = 7
)

func (n *Node) field(f field) (err error) {
	switch f.num {
	case nodeInput:
		n.Inputs, err = appendName(n.Inputs, f)
	case nodeOutput:
		n.Outputs, err = appendName(n.Outputs, f)
	case nodeName:
		n.Name, err = f.name()
	case nodeOpType:
		n.OpType, err = f.name()
	case nodeAttribute:
		err = n.attr(f)
	case nodeDomain:
		n.Domain, err = f.name()
		n.Domain = plainDomain(n.Domain)
	}
	return err
}

func appendName(list []string, f field) ([]string, error) {
	if len(list) == MaxNodes {
		return nil, fmt.Errorf("field %d: more than %d names", f.num, MaxNodes)
	}
	s, err := f.name()
	return append(list, s), err
}

// Fields of ValueInfoProto, TypeProto, TypeProto.Tensor, TensorShapeProto and its Dimension.
const (
	valueName   = 1
	valueType   = 2
	typeTensor  = 1
	elemType    = 1
	tensorShape = 2
	shapeDim    = 1
	dimValue    = 1
	dimParam    = 2
)

func appendValue(list []*ValueInfo, kind string, f field) ([]*ValueInfo, error) {
	if len(list) == MaxNodes {
		return nil, fmt.Errorf("more than %d entries of kind %s", MaxNodes, kind)
	}
	v := &ValueInfo{}
	err := f.message(v.field)
	if err == nil {
		err = v.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%s %d (%q): %w", kind, len(list), v.Name, err)
	}
	return append(list, v), nil
}

func (v *ValueInfo) field(f field) (err error) {
	switch f.num {
	case valueName:
		v.Name, err = f.name()
	case valueType:
		err = f.message(func(f field) error {
			if f.num != typeTensor {
				return nil
			}
			return f.message(v.tensorType)
		})
	}
	return err
}

func (v *ValueInfo) tensorType(f field) (err error) {
	switch f.num {
	case elemType:
		var d int64
		d, err = f.int()
		v.DType = DType(d)
	case tensorShape:
		v.Shaped = true
		err = f.message(v.dim)
	}
	return err
}

func (v *ValueInfo) dim(f field) error {
	if f.num != shapeDim {
		return nil
	}
	if len(v.Dims) == MaxRank {
		return fmt.Errorf("more than %d axes", MaxRank)
	}
	d := Dim{Value: -1}
	err := f.message(func(f field) (err error) {
		switch f.num {
		case dimValue:
			d.Value, err = f.int()
		case dimParam:
			d.Param, err = f.name()
		}
		return err
	})
	d.Value = max(d.Value, -1)
	v.Dims = append(v.Dims, d)
	return err
}

// check refuses a shape whose known axes alone have too many elements.
func (v *ValueInfo) check() error {
	var known []int64
	for _, d := range v.Dims {
		if d.Value > 0 {
			known = append(known, d.Value)
		}
	}
	_, err := elems(known)
	return err
}
