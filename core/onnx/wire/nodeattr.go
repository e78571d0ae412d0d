package wire

import "fmt"

// get returns the attribute called name, or nil when the node has none; an attribute of
// another type is an error.
func (n *Node) get(name string, want AttrType) (*Attr, error) {
	a := n.Attrs[name]
	if a != nil && a.Type != want {
		return nil, fmt.Errorf("attribute %q is of type %s, want %s", name, a.Type, want)
	}
	return a, nil
}

// Int is the attribute called name, or def when the node has none.
func (n *Node) Int(name string, def int64) (int64, error) {
	a, err := n.get(name, AttrInt)
	if a == nil {
		return def, err
	}
	return a.I, nil
}

// Float is the attribute called name, or def when the node has none.
func (n *Node) Float(name string, def float32) (float32, error) {
	a, err := n.get(name, AttrFloat)
	if a == nil {
		return def, err
	}
	return a.F, nil
}

// Text is the string attribute called name, or def when the node has none.
func (n *Node) Text(name, def string) (string, error) {
	a, err := n.get(name, AttrString)
	if a == nil {
		return def, err
	}
	return a.S, nil
}

// Ints is the attribute called name, or nil when the node has none.
func (n *Node) Ints(name string) ([]int64, error) {
	a, err := n.get(name, AttrInts)
	if a == nil {
		return nil, err
	}
	return a.Ints, nil
}

// Floats is the attribute called name, or nil when the node has none.
func (n *Node) Floats(name string) ([]float32, error) {
	a, err := n.get(name, AttrFloats)
	if a == nil {
		return nil, err
	}
	return a.Floats, nil
}

// Tensor is the attribute called name, or nil when the node has none.
func (n *Node) Tensor(name string) (*Tensor, error) {
	a, err := n.get(name, AttrTensor)
	if a == nil {
		return nil, err
	}
	return a.T, nil
}

// IntAttr is an attribute that holds v.
func IntAttr(v int64) *Attr { return &Attr{Type: AttrInt, I: v} }

// FloatAttr is an attribute that holds v.
func FloatAttr(v float32) *Attr { return &Attr{Type: AttrFloat, F: v} }

// StringAttr is an attribute that holds v.
func StringAttr(v string) *Attr { return &Attr{Type: AttrString, S: v} }

// TensorAttr is an attribute that holds t.
func TensorAttr(t *Tensor) *Attr { return &Attr{Type: AttrTensor, T: t} }

// IntsAttr is an attribute that holds v.
func IntsAttr(v ...int64) *Attr { return &Attr{Type: AttrInts, Ints: v} }

// FloatsAttr is an attribute that holds v.
func FloatsAttr(v ...float32) *Attr { return &Attr{Type: AttrFloats, Floats: v} }
