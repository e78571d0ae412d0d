package score

import (
	"math"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/relevance"
)

// Heat says where in a picture the reasons for a class lie: the relevance of its pixels, as the network reads it.
type Heat struct {
	Height, Width int
	Class         int
	Values        []float32 // Height×Width, summed over the colours; none is below 0, and together they are at most about 1
}

// Heats are the heat maps of the scorer's samples, in their order, each for the class that the sample says. Layers share by
// ZPlus, the first by the range of the pixels.
func (s *Scorer) Heats(g *graph.Graph) ([]Heat, error) {
	if err := checkClassifier(g, s.Classes); err != nil {
		return nil, err
	}
	batch := min(scoreBatch, len(s.Samples))
	p, err := s.heatPlan(g, batch)
	if err != nil {
		return nil, err
	}
	p.Hook = s.Ctx.Err
	size := g.Node(eval.Input(g)).Shape
	var heats []Heat
	err = eval.EachBatch(p, g, s.Samples, batch, s.Classes, p.Data(targets), func(n int) error {
		v := p.Data(heatNode)
		pixels := len(v) / batch
		for i := range n {
			heats = append(heats, newHeat(size, s.Samples[len(heats)].Class, v[i*pixels:(i+1)*pixels]))
		}
		return nil
	})
	return heats, err
}

const heatNode = "score.heat"

// heatPlan is the plan that makes the relevance of its input.
func (s *Scorer) heatPlan(g *graph.Graph, batch int) (*plan.Plan, error) {
	b, _, err := g.WithBatch(batch)
	if err != nil {
		return nil, err
	}
	x, logits := b.Node(eval.Input(g)), b.Outputs[0]
	t := b.Leaf(targets, graph.Input, logits.Shape, nil)
	rules := relevance.Rules{First: relevance.Pixels(g.Preprocess())}
	r, err := relevance.Propagate(b, logits, t, []*graph.Node{x}, rules)
	if err != nil {
		return nil, err
	}
	b.Outputs = []*graph.Node{b.Add(heatNode, op.Identity{}, r[x])}
	return plan.Compile(b, plan.Options{Env: s.Env})
}

// newHeat sums the colours of one picture, H×W×C.
func newHeat(size tensor.Shape, class int, v []float32) Heat {
	h := Heat{Height: size[1], Width: size[2], Class: class, Values: make([]float32, size[1]*size[2])}
	for i := range h.Values {
		for _, x := range v[i*size[3] : (i+1)*size[3]] {
			h.Values[i] += x
		}
	}
	return h
}

// Share is the share of the heat at the pixels inside: how far the network looks where it should. It is NaN where there is
// no heat at all.
func (h Heat) Share(inside func(x, y int) bool) float64 {
	in, all := 0.0, 0.0
	for i, v := range h.Values {
		all += float64(v)
		if inside(i%h.Width, i/h.Width) {
			in += float64(v)
		}
	}
	if all == 0 {
		return math.NaN()
	}
	return in / all
}
