// Package onnx reads and writes ONNX models, opset 7 to 21: ONNX's N×C×H×W on the outside,
// N×H×W×C of package op on the inside.
//
// Import never copies an activation that ONNX only moves around. Reshape, Transpose, Slice,
// Gather and their like are traced: a value remembers which element of which node's memory each
// of its own elements is. When an operator that computes needs the value, the trace becomes the
// least that expresses it: nothing, a Slice of channels, a Reshape, a Transpose, or as the last
// resort a Rearrange. A channel shuffle of five ONNX nodes ends as two slices of step 2, which
// pruning can follow.
package onnx

import (
	"fmt"
	"path/filepath"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx/wire"
)

// Versions of the default operator set that Import reads.
const (
	MinOpset = 7
	MaxOpset = 21
)

// Options is what the user knows of a model that its file may not say.
type Options struct {
	// Height and Width replace those of N×C×H×W inputs; 0 keeps what the file says.
	Height, Width int
	// Mean and Std are in 0..255 units, in the order of the input's channels; nil keeps what
	// the file says.
	Mean, Std *[3]float32
	// BGR says that the input's first channel is blue.
	BGR bool
	// Labels are the class names; none keeps what the file says.
	Labels []string
	// Note is told what the user may want to know, one line at a time. It may be nil.
	Note func(string)
}

// Import reads the model at path as a graph for one image at a time (Graph.WithBatch makes it
// wider). Weights, biases, scales and shifts are Params under their ONNX names, batch norm's
// statistics States, all else Consts; a node has the name of the ONNX tensor that it makes.
// Inputs and outputs of rank 4 are N×H×W×C in memory.
//
// Operators that are not known are one error that names all of them. External data is read
// below the model's folder only.
func Import(path string, o Options) (*graph.Graph, error) {
	m, err := wire.Read(path)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", path, err)
	}
	g, err := FromModel(m, filepath.Dir(path), o)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", path, err)
	}
	return g, nil
}

// FromModel is Import of a model already read. dir is the folder for external data.
func FromModel(m *wire.Model, dir string, o Options) (*graph.Graph, error) {
	im, err := newImporter(m, dir, o)
	if err != nil {
		return nil, err
	}
	if err := im.run(); err != nil {
		return nil, err
	}
	g, err := im.finish()
	if err != nil {
		return nil, err
	}
	return g, setMeta(g, m, o)
}

// setMeta copies the metadata of the file and lays what the user said over it.
func setMeta(g *graph.Graph, m *wire.Model, o Options) error {
	for _, kv := range m.Metadata {
		g.Meta[kv.Key] = kv.Value
	}
	if err := g.CheckMeta(); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	if o.Labels != nil {
		g.SetLabels(o.Labels)
	}
	if o.BGR {
		g.Meta[graph.MetaColor] = "BGR"
	}
	if o.Mean == nil && o.Std == nil {
		return nil
	}
	p := g.Preprocess()
	if o.Mean != nil {
		p.Mean = *o.Mean
	}
	if o.Std != nil {
		p.Std = *o.Std
	}
	g.SetPreprocess(p)
	return p.Check()
}
