package score

import (
	"fmt"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
)

// Collected is what criteria look at, of one network over one set of images: everything that scores
// follow from beside the weights.
type Collected struct {
	Needs   criteria.Needs
	Labels  []int // of each image
	Regions []int // of each row of pooled activations where these are of boxes, Classes for background; nil: of images
	Classes int
	Places  map[string]criteria.Place // by gate
	Moments map[string]ridge.Moments  // by reading op
	Added   map[string][]float64      // by reading op, C×C
	Seed    uint64
	Skipped []data.Skip // masks and boxes that could not be used

	probe func(*groups.Group) (criteria.Probe, error) // nil where nothing runs the network
}

// Collect runs the images through the network, in eval mode and unaugmented, as often as the needs
// ask for. The error says what the network lacks for them.
func (s *Scorer) Collect(st *groups.Structure, needs criteria.Needs) (*Collected, error) {
	c := &Collected{Needs: needs, Labels: s.labels(), Classes: s.Classes, Seed: s.Seed}
	if err := checkHealth(st); err != nil || !needs.Images() {
		return c, err
	}
	if len(s.Samples) == 0 {
		return nil, fmt.Errorf("it looks at %s, and there are no images", needs)
	}
	if needs&(behindLogits|criteria.Probing) != 0 {
		if err := s.checkOutputs(st.Graph, needs); err != nil {
			return nil, fmt.Errorf("it looks at %s: %w", needs, err)
		}
	}
	var err error
	if needs&atGates != 0 {
		if c.Places, c.Regions, err = s.gates(st, needs); err != nil {
			return nil, err
		}
	}
	if needs.Has(criteria.Probing) {
		c.probe = func(g *groups.Group) (criteria.Probe, error) { return s.Probe(st, g) }
	}
	if needs.Has(criteria.Moments) {
		if c.Moments, err = s.Moments(st, st.Free()); err != nil {
			return nil, err
		}
	}
	if needs.Has(criteria.Samples) {
		if c.Added, err = s.contributions(st); err != nil {
			return nil, err
		}
	}
	if needs.Has(criteria.Overlaps) {
		err = s.addOverlaps(c, st)
	}
	return c, err
}

// addOverlaps puts them beside what is there of each gate.
func (s *Scorer) addOverlaps(c *Collected, st *groups.Structure) error {
	over, skipped, err := s.overlaps(st)
	c.Skipped = skipped
	if err != nil {
		return fmt.Errorf("it looks at %s: %w", criteria.Overlaps, err)
	}
	if c.Places == nil {
		c.Places = map[string]criteria.Place{}
	}
	for gate, v := range over {
		p := c.Places[gate]
		p.Overlap = v
		c.Places[gate] = p
	}
	return nil
}

// behindLogits are the needs that start from a class's logit, atGates those that one row an image
// at each gate holds.
const (
	behindLogits = criteria.LossGradients | criteria.MarginGradients | criteria.Relevance | criteria.Saliency
	atGates      = behindLogits | criteria.Activations | criteria.MapRanks
)

// checkOutputs wants a network of the data's classes: a classifier or, but for what runs it piece by piece, a detector.
func (s *Scorer) checkOutputs(g *graph.Graph, needs criteria.Needs) error {
	if !detect.Is(g) || needs.Has(criteria.Probing) {
		return checkClassifier(g, s.Classes)
	}
	if n := g.Outputs[0].Shape.Channels(); n != s.Classes {
		return fmt.Errorf("this detector knows %d classes, want the data's %d", n, s.Classes)
	}
	return nil
}

func checkClassifier(g *graph.Graph, classes int) error {
	if len(g.Outputs) != 1 {
		return fmt.Errorf("this model has %d outputs, want a classifier", len(g.Outputs))
	}
	if out := g.Outputs[0].Shape; len(out) != 2 || out[1] != classes {
		return fmt.Errorf("this model gives %v, want a classifier of the data's %d classes", out, classes)
	}
	return nil
}

// gates collects one row an image at every gate, and says of which class the boxes are where activations are pooled in such.
func (s *Scorer) gates(st *groups.Structure, needs criteria.Needs) (map[string]criteria.Place, []int, error) {
	names := GateNames(st)
	given := needs.Has(criteria.LossGradients) && s.hasLoss(names)
	if given {
		needs &^= criteria.LossGradients
	}
	batch := s.batchOf(st.Graph)
	col, err := newCollector(s.Env, st.Graph, names, batch, detect.MostObjects(s.Samples), needs)
	if err != nil {
		return nil, nil, err
	}
	col.plan.Hook = s.Ctx.Err
	if col.plan.Has(weights) {
		for i := range col.plan.Data(weights) {
			col.plan.Data(weights)[i] = 1
		}
	}
	if err = s.each(col.plan, st.Graph, batch, col.add); err != nil {
		return nil, nil, err
	}
	if given {
		for name, p := range col.places {
			p.Loss = s.Loss[name]
			col.places[name] = p
		}
	}
	return col.places, col.regions, nil
}

// each runs the images through a plan of batch images, with the labels or boxes that it asks for.
func (s *Scorer) each(p *plan.Plan, g *graph.Graph, batch int, after func(n int) error) error {
	o, b := data.LoaderOptions{Batch: batch, Classes: s.Classes}, data.Batch{}
	switch asked := p.Has(targets); {
	case asked && detect.Is(g):
		o.Boxes, b.Boxes = detect.MostObjects(s.Samples), p.Data(targets)
	case asked:
		b.Targets = p.Data(targets)
	}
	return eval.EachLoaded(p, g, s.Samples, o, b, after)
}

// hasLoss reports whether Γ of the loss is there for all gates.
func (s *Scorer) hasLoss(gates []string) bool {
	for _, name := range gates {
		if s.Loss[name] == nil {
			return false
		}
	}
	return len(s.Loss) > 0
}

// pooledRows is the number of rows of pooled activations.
func (c *Collected) pooledRows() int {
	if c.Regions != nil {
		return len(c.Regions)
	}
	return len(c.Labels)
}

// Matrices are those of one group.
func (c *Collected) Matrices(g *groups.Group) (*criteria.Matrices, error) {
	m := &criteria.Matrices{}
	if c.Places != nil {
		var err error
		if m, err = criteria.Gather(g, len(c.Labels), c.pooledRows(), c.Places); err != nil {
			return nil, err
		}
	}
	m.N, m.Labels, m.Classes, m.Seed = len(c.Labels), c.Labels, c.Classes, c.Seed
	m.Regions = c.Regions
	if c.Needs.Images() {
		m.Weight = criteria.ClassWeights(c.Labels)
	}
	if c.probe != nil {
		var err error
		if m.Probe, err = c.probe(g); err != nil {
			return nil, err
		}
	}
	m.Consumers = map[string]criteria.Consumer{}
	for _, site := range g.Consumers {
		m.Consumers[site.Op.Name] = criteria.Consumer{Moments: c.Moments[site.Op.Name], Added: c.Added[site.Op.Name]}
	}
	return m, nil
}
