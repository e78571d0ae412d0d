package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// ReduceMean is the mean over one axis of our layout, not the batch; Keep leaves it with length 1.
type ReduceMean struct {
	Axis int
	Keep bool
}

// Kind is the ONNX name.
func (ReduceMean) Kind() string { return "ReduceMean" }

// Infer takes the axis away, or makes it 1.
func (r ReduceMean) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("%d inputs, want x", len(in))
	}
	if err := checkAxis(r.Axis, in[0], 1); err != nil {
		return nil, err
	}
	out := in[0][:r.Axis].Clone()
	if r.Keep {
		out = append(out, 1)
	}
	return append(out, in[0][r.Axis+1:]...), nil
}

// Lower sums along the axis.
func (r ReduceMean) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	x := n.In[0].Shape
	outer, inner := around(x, r.Axis)
	return meanLoop(e, m, outer, x[r.Axis], inner)
}

// Grad gives each element its share.
func (r ReduceMean) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	x := n.In[0].Shape
	_, inner := around(x, r.Axis)
	return gradOfFirst(g, n, want, MeanGrad{Dims: x[1:], Length: x[r.Axis], Inner: inner}, dy)
}

// Ties passes channels through, unless the mean is over them.
func (r ReduceMean) Ties(n *graph.Node) graph.Ties {
	if r.Axis == len(n.In[0].Shape)-1 {
		return channelLocks(n)
	}
	return channelTies(n)
}
