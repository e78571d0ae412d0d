package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// GlobalAveragePool is the mean over the pixels of each image.
//
//	x  N×H×W×C
//	y  N×1×1×C
type GlobalAveragePool struct{}

// Kind is the ONNX name.
func (GlobalAveragePool) Kind() string { return "GlobalAveragePool" }

// Infer wants images.
func (GlobalAveragePool) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 4 {
		return nil, fmt.Errorf("inputs %v, want one N×H×W×C", in)
	}
	return tensor.Shape{in[0][0], 1, 1, in[0][3]}, nil
}

// Lower sums image by image.
func (GlobalAveragePool) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	x := n.In[0].Shape
	return meanLoop(e, m, x[0], x[1]*x[2], x[3])
}

// Grad gives each pixel its share.
func (GlobalAveragePool) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	x := n.In[0].Shape
	return gradOfFirst(g, n, want, MeanGrad{Dims: x[1:], Length: x[1] * x[2], Inner: x[3]}, dy)
}

// Ties passes channels through.
func (GlobalAveragePool) Ties(n *graph.Node) graph.Ties { return channelTies(n) }
