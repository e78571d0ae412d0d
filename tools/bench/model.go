package bench

import (
	"math/rand/v2"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/train"
)

// Model is a compiled network and what a run of it costs.
type Model struct {
	Plan  *plan.Plan
	Batch int
	Work  Work
}

// Step compiles a training step of g as PyTorch has it by default: SGD with momentum and weight
// decay, batch norm on the statistics of the batch. The numbers fed are noise by a fixed seed.
func Step(e graph.Env, g *graph.Graph, batch int, budget int64) (*Model, error) {
	g, _, err := g.WithBatch(batch)
	if err != nil {
		return nil, err
	}
	rule := optim.Rule{Momentum: 0.9, Decay: 5e-4}
	p, err := train.CompileStep(e, g, train.Step{Part: train.Full, TrainNorm: true, Rule: &rule, Budget: budget})
	if err != nil {
		return nil, err
	}
	return newModel("step", p, batch, 2*float64(stepMACs(g))), nil
}

// Infer compiles an inference of g, batch norm folded.
func Infer(e graph.Env, g *graph.Graph, batch int, budget int64) (*Model, error) {
	p, err := plan.Compile(g, plan.Options{Env: e, Batch: batch, Fold: true, Budget: budget})
	if err != nil {
		return nil, err
	}
	return newModel("infer", p, batch, 2*float64(g.MACs())*float64(batch)/float64(max(g.Batch(), 1))), nil
}

func newModel(name string, p *plan.Plan, batch int, flops float64) *Model {
	feed(p)
	return &Model{p, batch, Work{Name: name, Flops: flops, Run: func() {
		if err := p.Run(); err != nil {
			panic(err) // only a hook makes one
		}
	}}}
}

// stepMACs is the multiply-adds of a training step: each layer forward, as many for the gradient of
// its weight, and again for that of its input where that depends on a parameter.
func stepMACs(g *graph.Graph) int64 {
	trained := make([]bool, len(g.Nodes))
	total := int64(0)
	for _, n := range g.Nodes {
		trained[n.ID] = n.Is(graph.Param)
		for _, in := range n.In {
			trained[n.ID] = trained[n.ID] || trained[in.ID]
		}
		if c, ok := n.Op.(graph.Counter); ok {
			total += c.MACs(n) * (1 + ones(trained, n.In[:2]))
		}
	}
	return total
}

func ones(marked []bool, of []*graph.Node) (n int64) {
	for _, x := range of {
		if marked[x.ID] {
			n++
		}
	}
	return n
}

// feed fills every input: pixels with noise, one class an image, a small rate.
func feed(p *plan.Plan) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range p.Graph.Role(graph.Input) {
		if !p.Has(n.Name) {
			continue
		}
		v := p.Data(n.Name)
		switch n.Name {
		case optim.Rate:
			v[0] = 1e-3
		case optim.Step:
			v[0] = 1
		case train.StepTarget:
			oneOf(v, n.Shape[1], r)
		case train.StepWeight:
			for i := range v {
				v[i] = 1 / float32(len(v))
			}
		default:
			for i := range v {
				v[i] = float32(r.NormFloat64())
			}
		}
	}
}

// oneOf marks a random class in each row.
func oneOf(v []float32, classes int, r *rand.Rand) {
	clear(v)
	for row := range len(v) / classes {
		v[row*classes+r.IntN(classes)] = 1
	}
}
