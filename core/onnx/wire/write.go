package wire

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Marshal is the model as the bytes of an ONNX file, the same bytes for the same model. A
// tensor whose data does not fill its shape, an attribute that was not read, or a model that
// exceeds MaxFileBytes is an error. External data stays external.
func (m *Model) Marshal() ([]byte, error) {
	if m.Graph == nil {
		return nil, errors.New("write onnx model: no graph")
	}
	w := writer{}
	w.model(m)
	if w.err == nil && len(w.b) > MaxFileBytes {
		w.err = fmt.Errorf("%d bytes, an onnx file holds at most %d", len(w.b), MaxFileBytes)
	}
	if w.err != nil {
		return nil, fmt.Errorf("write onnx model: %w", w.err)
	}
	return w.b, nil
}

// writer appends messages to b and keeps the first error.
type writer struct {
	b   []byte
	err error
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// message writes a message field whose content body writes. The length goes in front once it
// is known: nothing is written twice, and weights are held once.
func (w *writer) message(num protowire.Number, body func()) {
	w.b = protowire.AppendTag(w.b, num, protowire.BytesType)
	start := len(w.b)
	body()
	size := len(w.b) - start
	head := protowire.SizeVarint(uint64(size))
	w.b = slices.Grow(w.b, head)[:len(w.b)+head]
	copy(w.b[start+head:], w.b[start:start+size])
	protowire.AppendVarint(w.b[:start], uint64(size))
}

func (w *writer) int(num protowire.Number, v int64) {
	w.b = protowire.AppendTag(w.b, num, protowire.VarintType)
	w.b = protowire.AppendVarint(w.b, uint64(v))
}

func (w *writer) bytes(num protowire.Number, v []byte) {
	w.b = protowire.AppendTag(w.b, num, protowire.BytesType)
	w.b = protowire.AppendBytes(w.b, v)
}

// string writes v even when it is empty, as repeated names need.
func (w *writer) string(num protowire.Number, v string) {
	w.b = protowire.AppendTag(w.b, num, protowire.BytesType)
	w.b = protowire.AppendString(w.b, v)
}

// text writes v unless it is empty.
func (w *writer) text(num protowire.Number, v string) {
	if v != "" {
		w.string(num, v)
	}
}

func (w *writer) strings(num protowire.Number, list []string) {
	for _, s := range list {
		w.string(num, s)
	}
}

func (w *writer) kvs(num protowire.Number, list []KV) {
	for _, kv := range list {
		w.message(num, func() {
			w.string(kvKey, kv.Key)
			w.string(kvValue, kv.Value)
		})
	}
}

// model writes the graph last, so that a file cut short anywhere is seen to be.
func (w *writer) model(m *Model) {
	w.int(modelIRVersion, m.IRVersion)
	w.text(modelProducerName, m.ProducerName)
	w.text(modelProducerVersion, m.ProducerVersion)
	w.text(modelDomain, m.Domain)
	if m.ModelVersion != 0 {
		w.int(modelVersion, m.ModelVersion)
	}
	w.text(modelDocString, m.DocString)
	for _, domain := range slices.Sorted(maps.Keys(m.Opsets)) {
		w.message(modelOpsets, func() {
			w.string(opsetDomain, domain)
			w.int(opsetVersion, m.Opsets[domain])
		})
	}
	w.kvs(modelMetadata, m.Metadata)
	w.message(modelGraph, func() { w.graph(m.Graph) })
}

func (w *writer) graph(g *Graph) {
	for _, n := range g.Nodes {
		w.message(graphNode, func() { w.node(n) })
	}
	w.string(graphName, g.Name)
	for _, t := range g.Initializers {
		w.message(graphInitializer, func() { w.tensor(t) })
	}
	w.values(graphInput, g.Inputs)
	w.values(graphOutput, g.Outputs)
	w.values(graphValueInfo, g.ValueInfo)
}

func (w *writer) node(n *Node) {
	w.strings(nodeInput, n.Inputs)
	w.strings(nodeOutput, n.Outputs)
	w.text(nodeName, n.Name)
	w.string(nodeOpType, n.OpType)
	for _, name := range slices.Sorted(maps.Keys(n.Attrs)) {
		a := n.Attrs[name]
		if !a.Supported() {
			w.fail("node %q: attribute %q of type %s cannot be written", n.Name, name, a.Type)
			return
		}
		w.message(nodeAttribute, func() { w.attr(name, a) })
	}
	w.text(nodeDomain, n.Domain)
}

func (w *writer) attr(name string, a *Attr) {
	w.string(attrName, name)
	switch a.Type {
	case AttrFloat:
		w.b = protowire.AppendTag(w.b, attrF, protowire.Fixed32Type)
		w.b = protowire.AppendFixed32(w.b, math.Float32bits(a.F))
	case AttrInt:
		w.int(attrI, a.I)
	case AttrString:
		w.string(attrS, a.S)
	case AttrTensor:
		w.message(attrT, func() { w.tensor(a.T) })
	case AttrFloats:
		for _, v := range a.Floats { // onnx.proto wants these unpacked
			w.b = protowire.AppendTag(w.b, attrFloats, protowire.Fixed32Type)
			w.b = protowire.AppendFixed32(w.b, math.Float32bits(v))
		}
	case AttrInts:
		for _, v := range a.Ints {
			w.int(attrInts, v)
		}
	case AttrStrings:
		w.strings(attrStrings, a.Strings)
	}
	w.int(attrType, int64(a.Type))
}

func (w *writer) tensor(t *Tensor) {
	if t == nil {
		w.fail("a tensor is missing")
		return
	}
	if err := t.check(); err != nil {
		w.fail("tensor %q: %w", t.Name, err)
	} else if t.DType.Bytes() == 0 {
		w.fail("tensor %q: %s cannot be written", t.Name, t.DType)
	}
	for _, d := range t.Dims {
		w.int(tensorDims, d)
	}
	w.int(tensorDType, int64(t.DType))
	w.text(tensorName, t.Name)
	if t.field != 0 {
		w.bytes(t.field, t.data)
	}
	if t.External != nil {
		w.kvs(tensorExternal, t.External)
		w.int(tensorLocation, 1)
	}
}

func (w *writer) values(num protowire.Number, list []*ValueInfo) {
	for _, v := range list {
		w.message(num, func() {
			w.string(valueName, v.Name)
			if v.DType != Undefined || v.Shaped {
				w.message(valueType, func() { w.message(typeTensor, func() { w.tensorType(v) }) })
			}
		})
	}
}

func (w *writer) tensorType(v *ValueInfo) {
	w.int(elemType, int64(v.DType))
	if !v.Shaped {
		return
	}
	w.message(tensorShape, func() {
		for _, d := range v.Dims {
			w.message(shapeDim, func() { w.dim(d) })
		}
	})
}

// dim writes the name when there is one, else the length; an axis with neither stays empty.
func (w *writer) dim(d Dim) {
	switch {
	case d.Param != "":
		w.string(dimParam, d.Param)
	case d.Value >= 0:
		w.int(dimValue, d.Value)
	}
}
