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
	Classes int
	Places  map[string]criteria.Place // by gate
	Moments map[string]ridge.Moments  // by reading op
	Added   map[string][]float64      // by reading op, C×C
	Seed    uint64
	Skipped []data.Skip // masks and boxes that could not be used

	// Of a detector, nil of a classifier, whose rows are all of images:
	Regions  []int // the class of each row of pooled activations, Classes for background
	RegionOf []int // and the image that it is of
	Objects  []int // the class of each row of Γ, R and saliency, Classes for an image without objects

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
		if err := s.checkOutputs(st.Graph); err != nil {
			return nil, fmt.Errorf("it looks at %s: %w", needs, err)
		}
	}
	var err error
	if needs&atGates != 0 {
		if err = s.gates(c, st, needs); err != nil {
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

// behindLogits are the needs that start from a class's logit, atGates those that one row an image, or an object,
// at each gate holds.
const (
	behindLogits = criteria.LossGradients | criteria.MarginGradients | criteria.Relevance | criteria.Saliency
	atGates      = behindLogits | criteria.Activations | criteria.MapRanks
)

// checkOutputs wants a classifier or a detector of the data's classes.
func (s *Scorer) checkOutputs(g *graph.Graph) error {
	if !detect.Is(g) {
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

// gates collects into c one row an image at every gate, or what a detector has in place of images.
func (s *Scorer) gates(c *Collected, st *groups.Structure, needs criteria.Needs) error {
	names := GateNames(st)
	behind := needs & behindLogits
	if given := s.hasLoss(names); given {
		behind &^= criteria.LossGradients
	}
	own := behind
	if detect.Is(st.Graph) {
		own = 0
	}
	col, err := s.gatesOfImages(st.Graph, names, needs&^behindLogits|own)
	if err != nil {
		return err
	}
	c.Places, c.Regions, c.RegionOf = col.places, col.regions, col.images
	if behind != own {
		more, objects, err := s.gatesOfObjects(st.Graph, names, s.objects(), behind)
		if err != nil {
			return err
		}
		c.Objects = objects
		for name, p := range more {
			p.Pool, p.Rank = c.Places[name].Pool, c.Places[name].Rank
			c.Places[name] = p
		}
	}
	if needs.Has(criteria.LossGradients) && behind&criteria.LossGradients == 0 {
		for _, name := range names {
			p := c.Places[name]
			p.Loss = s.Loss[name]
			c.Places[name] = p
		}
	}
	return nil
}

// gatesOfImages runs the images through a plan that has nothing to run but for what is needed.
func (s *Scorer) gatesOfImages(g *graph.Graph, names []string, needs criteria.Needs) (*collector, error) {
	if needs&atGates == 0 {
		return &collector{places: map[string]criteria.Place{}}, nil
	}
	batch := s.batchOf(g)
	col, err := newCollector(s.Env, g, names, batch, detect.MostObjects(s.Samples), needs)
	if err != nil {
		return nil, err
	}
	col.plan.Hook = s.Ctx.Err
	setAll(col.plan, weights, 1)
	return col, s.each(col.plan, g, batch, func(n int) error { return col.add(n, all) })
}

// setAll sets all values of an input, where the plan has it.
func setAll(p *plan.Plan, input string, value float32) {
	if p.Has(input) {
		for i := range p.Data(input) {
			p.Data(input)[i] = value
		}
	}
}

// each runs the images through a plan of batch images, with the labels or boxes that it asks for.
func (s *Scorer) each(p *plan.Plan, g *graph.Graph, batch int, after func(n int) error) error {
	o, b := data.LoaderOptions{Batch: batch, Classes: s.Classes}, data.Batch{}
	switch asked := p.Has(targets); {
	case asked && detect.Is(g):
		b.Boxes = p.Data(targets)
		o.Boxes = len(b.Boxes) / batch / detect.TargetWidth
		setAll(p, objectOf, whole)
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

// rows is the number of rows of each matrix.
func (c *Collected) rows() criteria.Rows {
	n := criteria.Rows{Images: len(c.Labels), Pooled: len(c.Labels), Objects: len(c.Labels)}
	if c.Regions != nil {
		n.Pooled = len(c.Regions)
	}
	if c.Objects != nil {
		n.Objects = len(c.Objects)
	}
	return n
}

// Matrices are those of one group.
func (c *Collected) Matrices(g *groups.Group) (*criteria.Matrices, error) {
	m := &criteria.Matrices{}
	if c.Places != nil {
		var err error
		if m, err = criteria.Gather(g, c.rows(), c.Places); err != nil {
			return nil, err
		}
	}
	m.N, m.Labels, m.Classes, m.Seed = len(c.Labels), c.Labels, c.Classes, c.Seed
	m.Regions, m.Objects = c.Regions, c.Objects
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
