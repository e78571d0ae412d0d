// Package train fine-tunes: the head first on cached features, then the chosen part, then the
// turns of pruning; it evaluates, stops, and goes on where it was killed.
package train

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
)

// Names of the classifier's nodes.
const (
	Logits     = "logits"
	headWeight = "head.weight"
	headBias   = "head.bias"
)

// lastLayer is the last convolution or Gemm in front of the first output, looking along first inputs.
func lastLayer(g *graph.Graph) (*graph.Node, error) {
	if len(g.Outputs) != 1 {
		return nil, fmt.Errorf("model has %d outputs, a classifier has one", len(g.Outputs))
	}
	for n := g.Outputs[0]; ; n = n.In[0] {
		switch n.Op.(type) {
		case op.Gemm, op.Conv:
			return n, nil
		}
		if len(n.In) == 0 {
			return nil, fmt.Errorf("no convolution or Gemm leads to output %q", g.Outputs[0].Name)
		}
	}
}

// ReplaceHead is the network up to what its last layer reads, pooled to one vector an image, with
// a new linear classifier behind it: weight normal with deviation 0.01 by the seed, bias zero.
// A model whose labels are these classes already keeps its linear head; a softmax behind it goes,
// since losses work on logits.
func ReplaceHead(g *graph.Graph, classes []string, seed uint64) (*graph.Graph, error) {
	last, err := lastLayer(g)
	if err != nil {
		return nil, err
	}
	if _, linear := last.Op.(op.Gemm); linear && slices.Equal(g.Labels(), classes) && last.Shape.Channels() == len(classes) {
		h, _, err := g.Sub(nil, []*graph.Node{last})
		if err != nil {
			return nil, err
		}
		return h.Copy(), nil
	}
	h, at, err := g.Sub(nil, []*graph.Node{last.In[0]})
	if err != nil {
		return nil, err
	}
	h = h.Copy()
	x, err := pooled(h, h.Node(at[last.In[0]].Name))
	if err != nil {
		return nil, err
	}
	addHead(h, x, len(classes), seed)
	h.SetLabels(classes)
	return h, nil
}

// pooled is x as one vector an image.
func pooled(g *graph.Graph, x *graph.Node) (*graph.Node, error) {
	if len(x.Shape) == 2 {
		return x, nil
	}
	if len(x.Shape) != 4 {
		return nil, fmt.Errorf("features %q have shape %v, want N×F or N×H×W×C", x.Name, x.Shape)
	}
	if x.Shape[1] != 1 || x.Shape[2] != 1 {
		x = g.Add("head.pool", op.GlobalAveragePool{}, x)
	}
	return g.Add("head.features", op.Reshape{Dims: []int{x.Shape[3]}}, x), nil
}

func addHead(g *graph.Graph, x *graph.Node, classes int, seed uint64) {
	f := x.Shape.Channels()
	w := tensor.Floats(classes * f)
	r := random.Stream(seed, "init/"+headWeight, 0)
	for i := range w {
		w[i] = float32(0.01 * r.NormFloat64())
	}
	logits := g.Add(Logits, op.Gemm{}, x,
		g.Leaf(headWeight, graph.Param, tensor.Shape{classes, f}, w),
		g.Leaf(headBias, graph.Param, tensor.Shape{classes}, tensor.Floats(classes)))
	g.Outputs = []*graph.Node{logits}
}
