// Package score runs a network over images for pruning: what criteria look at, what repair solves with, and the
// statistics of batch norm after a cut. It trains nothing.
package score

import (
	"fmt"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/grad"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning/criteria"
)

// Inputs of the scoring plan beside the images.
const (
	targets  = "score.target" // one-hot; of a detector the objects
	weights  = "score.weight"
	objectOf = "score.object" // of a detector, which object of each image is asked about, -1 for all
)

// collector runs the network in eval mode with gates behind it (reference: pruning §1.1): one row
// an image of pooled activations, of the gate gradients of loss and margin, and of relevance. Pooled activations of a
// detector are of boxes: one row an object or a piece of background. What starts behind its outputs has a row an object.
type collector struct {
	plan    *plan.Plan
	names   []string
	places  map[string]criteria.Place
	batch   int
	rows    string // a node that is zero in rows to be left out, "" where none are
	regions []int  // the class of each row of pooled activations, where these are of boxes
	images  []int  // and the image that it is of
	done    int    // images
}

// newCollector compiles the scoring plan. gates names activations.
func newCollector(e graph.Env, g *graph.Graph, gates []string, batch, objects int, needs criteria.Needs) (*collector, error) {
	s, _, err := g.WithBatch(batch)
	if err != nil {
		return nil, err
	}
	if s, err = plan.Fold(s, gates); err != nil {
		return nil, err
	}
	c := &collector{names: gates, places: map[string]criteria.Place{}, batch: batch}
	var keep []string
	var q questions
	if needs&behindLogits != 0 || needs.Has(criteria.Activations) && detect.Is(s) {
		q = ask(s, objects)
	}
	if q.rows != nil && needs&behindLogits != 0 {
		c.rows = q.rows.Name
		keep = append(keep, c.rows)
	}
	var pool func(name string, a *graph.Node) *graph.Node
	if needs.Has(criteria.Activations) {
		if pool = statsOf(s); s.Node(regions) != nil {
			keep = append(keep, regions)
		}
	}
	for _, name := range gates {
		a := s.Node(name)
		if a == nil {
			return nil, fmt.Errorf("no activation is named %q", name)
		}
		if needs.Has(criteria.Activations) {
			keep = append(keep, pool(name+".pooled", a).Name)
		}
		if needs.Has(criteria.MapRanks) {
			keep = append(keep, s.Add(name+".rank", op.MapRank{}, smallMap(s, a)).Name)
		}
	}
	more, err := addBackward(s, gates, needs, q)
	if err != nil {
		return nil, err
	}
	keep = append(keep, more...)
	c.plan, err = plan.Compile(s, plan.Options{Env: e, Keep: keep})
	return c, err
}

// addBackward adds what is needed from behind the logits: gradients of the margin, which lives on where
// the network fits its data, of the loss and of the true class's logit, and relevance.
func addBackward(s *graph.Graph, gates []string, needs criteria.Needs, q questions) ([]string, error) {
	var keep []string
	for _, h := range []struct {
		need criteria.Needs
		add  func() ([]string, error)
	}{
		{criteria.MarginGradients, func() ([]string, error) {
			return addGradients(s, gates, q.margin(), op.GateGrad{}, ".margin")
		}},
		{criteria.LossGradients, func() ([]string, error) {
			return addGradients(s, gates, q.loss(), op.GateGrad{}, ".loss")
		}},
		{criteria.Saliency, func() ([]string, error) {
			return addGradients(s, gates, q.logit(), op.GradCAM{}, saliencySuffix)
		}},
		{criteria.Relevance, func() ([]string, error) { return addRelevance(s, gates, q.starts()) }},
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

// regions is the node of the boxes that activations of a detector are pooled in.
const regions = "score.regions"

// statsOf is how an activation is pooled: over each image or, of a detector, over each box.
func statsOf(s *graph.Graph) func(name string, a *graph.Node) *graph.Node {
	t := s.Node(targets)
	if t == nil || !detect.Is(s) {
		return func(name string, a *graph.Node) *graph.Node { return s.Add(name, op.ChannelStats{}, a) }
	}
	side := s.Node(eval.Input(s)).Shape
	r := s.Add(regions, detect.Regions{Classes: s.Outputs[0].Shape.Channels(), Height: side[1], Width: side[2]}, t)
	return func(name string, a *graph.Node) *graph.Node {
		return s.Add(name, op.RegionStats{Height: side[1], Width: side[2]}, a, r)
	}
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

// add appends the rows of the n images or objects that the plan has just run, as far as they count.
func (c *collector) add(n int, counts func(i int) bool) error {
	classes := c.of(regions, n)
	there := func(i int) bool { return classes[i*detect.TargetWidth] >= 0 }
	for i := range len(classes) / detect.TargetWidth {
		if there(i) {
			c.regions = append(c.regions, int(classes[i*detect.TargetWidth]))
			c.images = append(c.images, c.done+i*n/(len(classes)/detect.TargetWidth))
		}
	}
	c.done += n
	pooled := n
	if classes == nil {
		there = all
	} else {
		pooled = len(classes) / detect.TargetWidth
	}
	for _, name := range c.names {
		p := c.places[name]
		p.Pool = appendRows(p.Pool, c.of(name+".pooled", n), pooled, there)
		p.Rank = append(p.Rank, c.of(name+".rank", n)...)
		p.Margin = appendRows(p.Margin, c.of(name+".margin", n), n, counts)
		p.Loss = appendRows(p.Loss, c.of(name+".loss", n), n, counts)
		p.Relevance = appendRows(p.Relevance, c.of(name+relevanceSuffix, n), n, counts)
		p.Saliency = appendRows(p.Saliency, c.of(name+saliencySuffix, n), n, counts)
		c.places[name] = p
	}
	return nil
}

func all(int) bool { return true }

// appendRows appends those of n rows that are there.
func appendRows(to, v []float32, n int, there func(i int) bool) []float32 {
	for i := range n {
		if there(i) {
			to = append(to, v[i*len(v)/n:(i+1)*len(v)/n]...)
		}
	}
	return to
}

// of is the first n rows of a node, nil where the plan lacks it.
func (c *collector) of(name string, n int) []float32 {
	if name == "" || !c.plan.Has(name) {
		return nil
	}
	d := c.plan.Data(name)
	return d[:len(d)/c.batch*n]
}
