package wire

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// AttrType says which field of an Attr holds its value, AttributeProto.AttributeType.
type AttrType int32

const (
	AttrUndefined AttrType = 0
	AttrFloat     AttrType = 1
	AttrInt       AttrType = 2
	AttrString    AttrType = 3
	AttrTensor    AttrType = 4
	AttrGraph     AttrType = 5
	AttrFloats    AttrType = 6
	AttrInts      AttrType = 7
	AttrStrings   AttrType = 8
)

var attrNames = map[AttrType]string{
	AttrFloat: "FLOAT", AttrInt: "INT", AttrString: "STRING", AttrTensor: "TENSOR",
	AttrGraph: "GRAPH", AttrFloats: "FLOATS", AttrInts: "INTS", AttrStrings: "STRINGS",
}

// String is the name that ONNX gives the type, as in INTS.
func (t AttrType) String() string {
	if s := attrNames[t]; s != "" {
		return s
	}
	return fmt.Sprintf("attribute type %d", int32(t))
}

// Attr is the value of an attribute of a node; Type says which field holds it.
type Attr struct {
	Type    AttrType
	F       float32
	I       int64
	S       string
	T       *Tensor
	Floats  []float32
	Ints    []int64
	Strings []string
}

// Supported is false for an attribute whose value was not read: subgraphs, sparse tensors,
// types, and lists of tensors.
func (a *Attr) Supported() bool {
	return a.Type >= AttrFloat && a.Type <= AttrStrings && a.Type != AttrGraph
}

// Fields of AttributeProto.
const (
	attrName    = 1
	attrF       = 2
	attrI       = 3
	attrS       = 4
	attrT       = 5
	attrG       = 6
	attrFloats  = 7
	attrInts    = 8
	attrStrings = 9
	attrType    = 20
)

// attrTypeOf gives the type that a field implies, for writers that leave the type out.
var attrTypeOf = map[protowire.Number]AttrType{
	attrF: AttrFloat, attrI: AttrInt, attrS: AttrString, attrT: AttrTensor, attrG: AttrGraph,
	attrFloats: AttrFloats, attrInts: AttrInts, attrStrings: AttrStrings,
}

const maxNodeAttrs = 1000

func (n *Node) attr(f field) error {
	r := attrReader{}
	if err := f.message(r.field); err != nil {
		return fmt.Errorf("attribute %q: %w", r.name, err)
	}
	if _, ok := n.Attrs[r.name]; ok {
		return fmt.Errorf("attribute %q is given twice", r.name)
	}
	if len(n.Attrs) == maxNodeAttrs {
		return fmt.Errorf("more than %d attributes", maxNodeAttrs)
	}
	if n.Attrs == nil {
		n.Attrs = map[string]*Attr{}
	}
	a, err := r.attr()
	if err != nil {
		return fmt.Errorf("attribute %q: %w", r.name, err)
	}
	n.Attrs[r.name] = a
	return nil
}

// attrReader gathers one attribute: lists in packed form until all of them is there.
type attrReader struct {
	Attr
	name         string
	implied      AttrType
	floats, ints []byte
}

func (r *attrReader) field(f field) (err error) {
	if t, ok := attrTypeOf[f.num]; ok {
		r.implied = t
	}
	switch f.num {
	case attrName:
		r.name, err = f.name()
	case attrF:
		r.F, err = f.float()
	case attrI:
		r.I, err = f.int()
	case attrS:
		r.S, err = f.blob()
	case attrT:
		r.T, err = readTensor(f)
	case attrFloats:
		r.floats, err = f.appendPacked(r.floats, protowire.Fixed32Type)
	case attrInts:
		r.ints, err = f.appendPacked(r.ints, protowire.VarintType)
	case attrStrings:
		var s string
		s, err = f.blob()
		r.Strings = append(r.Strings, s)
	case attrType:
		var t int64
		t, err = f.int()
		r.Type = AttrType(t)
	}
	return err
}

// attr unpacks the lists and settles the type.
func (r *attrReader) attr() (*Attr, error) {
	if r.Type == AttrUndefined {
		r.Type = r.implied
	}
	if r.Type == AttrTensor && r.T == nil {
		return nil, fmt.Errorf("type %s without a tensor", r.Type)
	}
	if len(r.floats)%4 != 0 {
		return nil, fmt.Errorf("%d bytes of floats, want a multiple of 4", len(r.floats))
	}
	for b := r.floats; len(b) > 0; b = b[4:] {
		v, _ := protowire.ConsumeFixed32(b)
		r.Floats = append(r.Floats, math.Float32frombits(v))
	}
	for b := r.ints; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, fmt.Errorf("ints: %w", protowire.ParseError(n))
		}
		r.Ints = append(r.Ints, int64(v))
		b = b[n:]
	}
	return &r.Attr, nil
}
