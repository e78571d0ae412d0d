package explain

import (
	"math"

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
	Loss     float64   `json:"loss"` // mean over the images, in nats
	P        float64   `json:"p"`    // share of random signs of the images' differences with a mean as large, two-sided
	Accuracy float64   `json:"accuracy"`
	PerClass []float64 `json:"per_class"` // accuracies
}

// Inputs of the plan with gates: what a channel passes of itself, and what is added.
const (
	passes = ".passes"
	adds   = ".adds"
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
	done := 0
	err = eval.EachBatch(p, e.run.Dense, e.run.Judges, batch, len(e.run.Classes), nil, func(n int) error {
		for i := range trials {
			if i < len(cards) {
				cards[i].silence(p)
			}
			if err := p.Run(); err != nil {
				return err
			}
			trials[i].add(p.Data(e.run.Dense.Outputs[0].Name), e.run.Judges[done:done+n], len(e.run.Classes))
			if i < len(cards) {
				cards[i].restore(p)
			}
		}
		done += n
		e.report("filters left out", done, len(e.run.Judges))
		return nil
	})
	if err != nil {
		return err
	}
	whole := &trials[len(cards)]
	e.out.Whole = whole.accuracies()
	for i, c := range cards {
		c.Without = trials[i].less(whole, e.run.Seed)
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

// trial is what one network made of the judging images.
type trial struct {
	losses []float64
	right  []int // by class
	count  []int
}

func (t *trial) add(logits []float32, samples []sample, classes int) {
	if t.right == nil {
		t.right, t.count = make([]int, classes), make([]int, classes)
	}
	for i, s := range samples {
		z := logits[i*classes : (i+1)*classes]
		t.losses = append(t.losses, eval.CrossEntropy(z, s.Class))
		t.count[s.Class]++
		if eval.Argmax(z) == s.Class {
			t.right[s.Class]++
		}
	}
}

// less compares a trial with that of the whole network.
func (t *trial) less(whole *trial, seed uint64) *Without {
	d := make([]float64, len(t.losses))
	for i := range d {
		d[i] = t.losses[i] - whole.losses[i]
	}
	w := &Without{Loss: mean(d), P: signTest(d, seed), PerClass: t.accuracies()}
	right, count := 0, 0
	for c := range t.right {
		right, count = right+t.right[c], count+t.count[c]
	}
	w.Accuracy = float64(right) / float64(max(count, 1))
	return w
}

func (t *trial) accuracies() []float64 {
	var out []float64
	for c := range t.right {
		out = append(out, float64(t.right[c])/float64(max(t.count[c], 1)))
	}
	return out
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
