// Package wire reads and writes the protobuf form of ONNX models: bytes to plain structs and
// back. It knows no operator and checks no graph; package onnx does both.
//
// Field numbers are those of onnx/onnx.proto in github.com/onnx/onnx (IR version 10). Weights
// are not copied while reading: a Tensor points into the bytes it was parsed from. A subgraph,
// a sparse tensor or a type as an attribute is noted (Attr.Supported) and not parsed, so
// messages nest to a fixed depth and hostile nesting costs nothing.
package wire

// Limits on what is read. They are far above what a camera box can train and keep a hostile
// file from costing more than a small multiple of its own size.
const (
	MaxFileBytes = 1<<31 - 1 // protobuf itself ends here
	MaxNodes     = 100_000   // also tensors, and values of each kind
	MaxAttrs     = 500_000   // of all nodes together
	MaxNameBytes = 64 << 10
	MaxTextBytes = 16 << 20 // doc strings, metadata, string attributes
	MaxRank      = 64
	MaxElems     = 1<<31 - 1 // elements of one tensor
)

// Model is an ONNX ModelProto. Training information and local functions are not kept: a node
// that calls a local function has an OpType that no one knows.
type Model struct {
	IRVersion       int64
	Opsets          map[string]int64 // version by domain; "ai.onnx" is stored as ""
	ProducerName    string
	ProducerVersion string
	Domain          string
	ModelVersion    int64
	DocString       string
	Metadata        []KV // metadata_props, order kept
	Graph           *Graph
}

// KV is one entry of Metadata or of the external data keys.
type KV struct{ Key, Value string }

// Graph is an ONNX GraphProto. Quantisation annotations are not kept.
type Graph struct {
	Name         string
	Nodes        []*Node
	Initializers []*Tensor
	Inputs       []*ValueInfo // up to IR version 3 the initializers are listed here too
	Outputs      []*ValueInfo
	ValueInfo    []*ValueInfo
}

// Node is an ONNX NodeProto. An empty string among the inputs is an optional input left out.
type Node struct {
	Name    string
	OpType  string
	Domain  string // "ai.onnx" is stored as ""
	Inputs  []string
	Outputs []string
	Attrs   map[string]*Attr
}

// ValueInfo is the name, element type and shape of a value. DType is Undefined for a value
// that is not a dense tensor.
type ValueInfo struct {
	Name   string
	DType  DType
	Shaped bool // false: rank unknown; true with no Dims: a scalar
	Dims   []Dim
}

// Dim is one axis of a ValueInfo: a length, or a name that stands for one, or neither.
type Dim struct {
	Value int64  // -1 when not known
	Param string // as in "batch", or empty
}
