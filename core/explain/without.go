package explain

import (
	"math"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
)

// Without is the network before pruning with one filter held at its mean, on the judging images, less the whole
// network.
type Without struct {
	Loss     float64   `json:"loss"`     // mean over the images, in nats; of a detector the sum over an image's anchors
	P        float64   `json:"p"`        // share of random signs of the images' differences with a mean as large, two-sided
	Accuracy float64   `json:"accuracy"` // of a detector average precision at an IoU of 0.5
	PerClass []float64 `json:"per_class"`
}

// Inputs of the plan with gates: what a channel passes of itself, and what is added; of a detector the objects of the images.
// objectLoss is the loss of each image then.
const (
	passes     = ".passes"
	adds       = ".adds"
	objects    = "explain.objects"
	objectLoss = "explain.loss"
)

// without runs the judging images once for each card.
func (e *explainer) without(cards []*Card) error {
	if len(cards) == 0 {
		return nil
	}
	names := map[string]bool{}
	for _, c := range cards {
		for _, n := range c.layer.group.Gates {
			names[n.Name] = true
		}
	}
	batch := min(eval.BatchSize, len(e.run.Judges))
	p, err := e.gated(names, batch)
	if err != nil {
		return err
	}
	trials := make([]trial, len(cards)+1) // the last is the whole network
	for i := range trials {
		trials[i] = e.newTrial()
	}
	o, b, done := data.LoaderOptions{Batch: batch, Classes: len(e.run.Classes)}, data.Batch{}, 0
	if e.finds {
		o.Boxes, b.Boxes = detect.MostObjects(e.run.Judges), p.Data(objects)
	}
	err = eval.EachLoaded(p, e.run.Dense, e.run.Judges, o, b, func(n int) error {
		for i := range trials {
			if i < len(cards) {
				cards[i].silence(p)
			}
			if err := p.Run(); err != nil {
				return err
			}
			trials[i].add(p, e.run.Judges[done:done+n])
			if i < len(cards) {
				cards[i].restore(p)
			}
		}
		done += n
		e.report("filters left out", "", done, len(e.run.Judges))
		return nil
	})
	if err != nil {
		return err
	}
	whole := trials[len(cards)]
	e.out.Whole = whole.accuracies()
	for i, c := range cards {
		c.Without = less(trials[i], whole, e.run.Seed)
	}
	return nil
}

// gated is the dense network with a gate on each channel behind the named nodes: passes·a + adds.
func (e *explainer) gated(names map[string]bool, batch int) (*plan.Plan, error) {
	g, _, err := e.run.Dense.WithBatch(batch)
	if err != nil {
		return nil, err
	}
	var factors []string
	g, _, err = graph.Map(g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		y, err := dst.Keep(n, in)
		if err != nil || !names[n.Name] {
			return y, err
		}
		c := tensor.Shape{n.Shape.Channels()}
		factors = append(factors, n.Name+passes)
		y, err = dst.Try(n.Name+".passed", op.Mul{}, y, dst.Leaf(n.Name+passes, graph.Input, c, nil))
		if err != nil {
			return nil, err
		}
		return dst.Try(n.Name+".gated", op.Add{}, y, dst.Leaf(n.Name+adds, graph.Input, c, nil))
	})
	if err != nil {
		return nil, err
	}
	if e.finds {
		addObjectLoss(g, detect.MostObjects(e.run.Judges))
	}
	p, err := plan.Compile(g, plan.Options{Env: e.Env})
	if err != nil {
		return nil, err
	}
	p.Hook = e.ctx.Err
	for _, name := range factors {
		for i := range p.Data(name) {
			p.Data(name)[i] = 1
		}
	}
	return p, nil
}

// addObjectLoss adds the loss of a detector and makes it an output, beside the objects that it is of.
func addObjectLoss(g *graph.Graph, most int) {
	n := g.Outputs[0].Shape[0]
	t := detect.AddTargets(g, objects, most)
	ones := g.Leaf(objectLoss+".weight", graph.Const, tensor.Shape{n}, slices.Repeat([]float32{1}, n))
	g.Outputs = append(g.Outputs, detect.AddLoss(g, objectLoss, detect.AddAssigned(g, t), ones))
}

// silence holds the card's filter at its mean over the training images, at all of its gates.
func (c *Card) silence(p *plan.Plan) {
	for i, n := range c.layer.group.Gates {
		for _, k := range c.channels(n) {
			p.Data(n.Name + passes)[k] = 0
			p.Data(n.Name + adds)[k] = float32(c.layer.means[i][c.unit])
		}
	}
}

func (c *Card) restore(p *plan.Plan) {
	for _, n := range c.layer.group.Gates {
		for _, k := range c.channels(n) {
			p.Data(n.Name + passes)[k] = 1
			p.Data(n.Name + adds)[k] = 0
		}
	}
}

// channels are those of the filter at a gate.
func (c *Card) channels(n *graph.Node) []int {
	return c.layer.group.Units[c.unit].Indices(n, len(n.Shape)-1)
}

// less compares a trial with that of the whole network.
func less(t, whole trial, seed uint64) *Without {
	d := slices.Clone(t.losses())
	for i, v := range whole.losses() {
		d[i] -= v
	}
	return &Without{Loss: mean(d), P: signTest(d, seed), Accuracy: t.accuracy(), PerClass: t.accuracies()}
}

// signTest is the share of random signs that give differences a mean as far from zero as they have (Fisher's
// randomisation test for pairs).
func signTest(d []float64, seed uint64) float64 {
	r, own, atLeast := random.Stream(seed, "explain signs", 0), math.Abs(mean(d)), 1
	for range permutations {
		sum := 0.0
		for _, v := range d {
			if r.Uint64()&1 == 0 {
				v = -v
			}
			sum += v
		}
		if math.Abs(sum)/float64(len(d)) >= own {
			atLeast++
		}
	}
	return float64(atLeast) / (permutations + 1)
}
