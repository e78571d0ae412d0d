package score

import (
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/grad"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// BlockWeight is what a residual block is to the network.
type BlockWeight struct {
	Block *groups.Block
	// Fisher is ½ mean_n γ_n² of the logit margin, γ being the derivative by a gate on what the whole branch gives
	// beyond its mean: the mean stays when the block goes. Beside it stands fisher-margin of filters.
	Fisher float64
	Mean   []float32 // C, what the branch gives over images and positions
}

// WeighBlocks weighs blocks in one run over the images.
func (s *Scorer) WeighBlocks(g *graph.Graph, blocks []*groups.Block) ([]BlockWeight, error) {
	if err := s.checkOutputs(g); err != nil {
		return nil, err
	}
	batch := s.batchOf(g)
	p, rows, err := s.branchPlan(g, blocks, batch)
	if err != nil {
		return nil, err
	}
	p.Hook = s.Ctx.Err
	seen := make([]branchSums, len(blocks))
	labels, err := s.eachAsked(p, g, batch, rows, func(n int, counts, first func(i int) bool) error {
		for i, b := range blocks {
			seen[i].add(p, b.Branch, batch, n, counts, first)
		}
		return nil
	})
	list := make([]BlockWeight, len(blocks))
	for i, b := range blocks {
		list[i] = seen[i].weigh(b, labels)
	}
	return list, err
}

// Names of what the plan keeps of a branch a and its gradient d.
const (
	branchMean  = ".branch.mean"  // N×4×C, statistics of a
	branchGate  = ".branch.gate"  // N×C, Σ a·d over positions
	branchSlope = ".branch.slope" // N×4×C, statistics of d
)

// branchPlan is the plan, and the name of a node that has nothing but zeros in rows that do not count, "" where all do.
func (s *Scorer) branchPlan(g *graph.Graph, blocks []*groups.Block, batch int) (*plan.Plan, string, error) {
	b, _, err := g.WithBatch(batch)
	if err != nil {
		return nil, "", err
	}
	var names, keep []string
	for _, x := range blocks {
		names = append(names, x.Branch.Name)
	}
	q, wrt, rows := ask(b, detect.MostObjects(s.Samples)), nodesOf(b, names), ""
	if q.rows != nil {
		rows = q.rows.Name
		keep = append(keep, rows)
	}
	grads, err := grad.Differentiate(b, q.margin(), wrt)
	if err != nil {
		return nil, "", err
	}
	for _, a := range wrt {
		keep = append(keep, b.Add(a.Name+branchMean, op.ChannelStats{}, a).Name, b.Add(a.Name+branchGate, op.GateGrad{}, a, grads[a]).Name,
			b.Add(a.Name+branchSlope, op.ChannelStats{}, grads[a]).Name)
	}
	p, err := plan.Compile(b, plan.Options{Env: s.Env, Keep: keep})
	return p, rows, err
}

// branchSums is what is said of a branch: by the images one row each of means, by the images or objects of gradients.
type branchSums struct{ mean, gate, slope [][]float64 }

// add takes in those of n rows of a batch that count, and the means of each image where it comes first.
func (s *branchSums) add(p *plan.Plan, a *graph.Node, batch, n int, counts, first func(i int) bool) {
	width, positions := a.Shape.Channels(), float64(a.Shape.Rows()/a.Shape[0])
	rows := func(suffix string, by float64, there func(i int) bool) (list [][]float64) {
		d := p.Data(a.Name + suffix)
		stride := len(d) / batch
		for i := range n {
			if !there(i) {
				continue
			}
			row := make([]float64, width)
			for k, v := range d[i*stride : i*stride+width] { // the mean is the first of the statistics
				row[k] = by * float64(v)
			}
			list = append(list, row)
		}
		return list
	}
	s.mean = append(s.mean, rows(branchMean, 1, first)...)
	s.gate = append(s.gate, rows(branchGate, 1, counts)...)
	s.slope = append(s.slope, rows(branchSlope, positions, counts)...)
}

// weigh is Σ over channels of γ = Σ a·d - mean·Σ d, squared, over the images or objects.
func (s *branchSums) weigh(b *groups.Block, labels []int) BlockWeight {
	w := BlockWeight{Block: b, Mean: make([]float32, b.Branch.Shape.Channels())}
	n := float64(len(labels))
	for k := range w.Mean {
		sum := 0.0
		for _, row := range s.mean {
			sum += row[k]
		}
		w.Mean[k] = float32(sum / float64(len(s.mean)))
	}
	for i, weight := range criteria.ClassWeights(labels) {
		gamma := 0.0
		for k, m := range w.Mean {
			gamma += s.gate[i][k] - float64(m)*s.slope[i][k]
		}
		w.Fisher += weight * gamma * gamma / (2 * n)
	}
	return w
}

// FisherOf is fisher-margin of units, summed: what they give up by the measure that blocks are weighed with.
func (s *Scorer) FisherOf(st *groups.Structure, remove map[int][]int) (sum float64, err error) {
	fisher, err := criteria.Lookup(DefaultAcross)
	if err != nil {
		return 0, err
	}
	k, err := s.Collect(st, fisher.Needs)
	if err != nil {
		return 0, err
	}
	for _, g := range losing(st, remove) {
		m, err := k.Matrices(g)
		if err != nil {
			return 0, err
		}
		v, err := criteria.Score(fisher, m, g)
		if err != nil {
			return 0, err
		}
		for _, u := range remove[g.ID] {
			sum += v.Values[u]
		}
	}
	return sum, nil
}

// ApplyBlock drops a block and estimates batch norm again. The network returned shares no value with the one that was cut.
func (s *Scorer) ApplyBlock(g *graph.Graph, w BlockWeight) (*graph.Graph, error) {
	small, err := groups.Drop(g, w.Block, w.Mean)
	if err != nil {
		return nil, err
	}
	small = small.Copy()
	return small, s.Reestimate(small, g, nil)
}
