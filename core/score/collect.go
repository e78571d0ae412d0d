// Package score runs a network over images for pruning: what criteria look at, what repair solves with, and the
// statistics of batch norm after a cut. It trains nothing.
package score

import (
	"fmt"

	"github.com/secateur/secateur/core/grad"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/criteria"
)

// Inputs of the scoring plan beside the images.
const (
	targets = "score.target" // one-hot
	weights = "score.weight"
)

// collector runs the network in eval mode with gates behind it (reference: pruning §1.1): one row
// an image of pooled activations, of the gate gradients of loss and margin, and of relevance.
type collector struct {
	plan   *plan.Plan
	names  []string
	places map[string]criteria.Place
	batch  int
}

// newCollector compiles the scoring plan. gates names activations.
func newCollector(e graph.Env, g *graph.Graph, gates []string, batch int, needs criteria.Needs) (*collector, error) {
	s, _, err := g.WithBatch(batch)
	if err != nil {
		return nil, err
	}
	if s, err = plan.Fold(s, gates); err != nil {
		return nil, err
	}
	c := &collector{names: gates, places: map[string]criteria.Place{}, batch: batch}
	var keep []string
	for _, name := range gates {
		a := s.Node(name)
		if a == nil {
			return nil, fmt.Errorf("no activation is named %q", name)
		}
		if needs.Has(criteria.Activations) {
			keep = append(keep, s.Add(name+".pooled", op.ChannelStats{}, a).Name)
		}
		if needs.Has(criteria.MapRanks) {
			keep = append(keep, s.Add(name+".rank", op.MapRank{}, smallMap(s, a)).Name)
		}
	}
	more, err := addBackward(s, gates, needs)
	if err != nil {
		return nil, err
	}
	keep = append(keep, more...)
	c.plan, err = plan.Compile(s, plan.Options{Env: e, Keep: keep})
	return c, err
}

// addBackward adds what is needed from behind the logits: gradients of the margin, which lives on where
// the network fits its data, of the loss and of the true class's logit, and relevance.
func addBackward(s *graph.Graph, gates []string, needs criteria.Needs) ([]string, error) {
	if needs&behindLogits == 0 {
		return nil, nil
	}
	logits := s.Outputs[0]
	t := s.Leaf(targets, graph.Input, logits.Shape, nil)
	w := s.Leaf(weights, graph.Input, tensor.Shape{logits.Shape[0]}, nil)
	var keep []string
	for _, h := range []struct {
		need criteria.Needs
		add  func() ([]string, error)
	}{
		{criteria.MarginGradients, func() ([]string, error) {
			return addGradients(s, gates, s.Add("score.margin", op.Margin{}, logits, t), op.GateGrad{}, ".margin")
		}},
		{criteria.LossGradients, func() ([]string, error) {
			return addGradients(s, gates, s.Add("score.loss", op.SoftmaxCrossEntropy{}, logits, t, w), op.GateGrad{}, ".loss")
		}},
		{criteria.Saliency, func() ([]string, error) {
			return addGradients(s, gates, s.Add("score.logit", op.Mul{}, logits, t), op.GradCAM{}, saliencySuffix)
		}},
		{criteria.Relevance, func() ([]string, error) { return addRelevance(s, gates, t) }},
	} {
		if !needs.Has(h.need) {
			continue
		}
		more, err := h.add()
		if err != nil {
			return nil, err
		}
		keep = append(keep, more...)
	}
	return keep, nil
}

// addGradients adds what pool makes of activation and gradient at the gates. The gradient is that of
// the sum of a node that has the images' values apart.
func addGradients(s *graph.Graph, gates []string, of *graph.Node, pool graph.Op, suffix string) ([]string, error) {
	wrt := nodesOf(s, gates)
	grads, err := grad.Differentiate(s, of, wrt)
	if err != nil {
		return nil, err
	}
	var keep []string
	for _, a := range wrt {
		if d := grads[a]; d != nil {
			keep = append(keep, s.Add(a.Name+suffix, pool, a, d).Name)
		}
	}
	return keep, nil
}

// add appends the rows of the n images that the plan has just run.
func (c *collector) add(n int) error {
	for _, name := range c.names {
		p := c.places[name]
		p.Pool = append(p.Pool, c.rows(name+".pooled", n)...)
		p.Rank = append(p.Rank, c.rows(name+".rank", n)...)
		p.Margin = append(p.Margin, c.rows(name+".margin", n)...)
		p.Loss = append(p.Loss, c.rows(name+".loss", n)...)
		p.Relevance = append(p.Relevance, c.rows(name+relevanceSuffix, n)...)
		p.Saliency = append(p.Saliency, c.rows(name+saliencySuffix, n)...)
		c.places[name] = p
	}
	return nil
}

// rows are the first n rows of a node, nil where the plan lacks it.
func (c *collector) rows(name string, n int) []float32 {
	if !c.plan.Has(name) {
		return nil
	}
	d := c.plan.Data(name)
	return d[:len(d)/c.batch*n]
}
