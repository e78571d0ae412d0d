package train

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
)

// trustOld is the number of images that the old statistics count as: at few images they stay
// part of the new ones (reference: pruning §1.14 c, a dense network lost 2 points to statistics
// of 100 images alone).
const trustOld = 32

// Reestimate sets the statistics of batch normalizations that lie apart from the images: the
// network runs on the statistics of each batch, their average over the batches is mixed with the
// old ones. Folded networks have none and are left as they are.
func (s *Scorer) Reestimate(g *graph.Graph) error {
	norms, before := runningStats(g)
	if len(norms) == 0 {
		return nil
	}
	batch := wholeBatch(len(s.Samples))
	c, _, err := g.WithBatch(batch)
	if err != nil {
		return err
	}
	sum := make([][]float64, len(norms))
	t, err := trainNorm(c, 1) // momentum 1: after a run the leaf holds the batch's statistic
	if err != nil {
		return err
	}
	t.Outputs = nil
	p, err := plan.Compile(t, plan.Options{Env: s.Env})
	if err != nil {
		return err
	}
	p.Hook = s.Ctx.Err
	batches := 0.0
	err = eachBatch(p, c, s.Samples, batch, s.Classes, nil, func(int) error {
		batches++
		for i, n := range norms {
			if sum[i] == nil {
				sum[i] = make([]float64, len(n.Value))
			}
			for k, v := range n.Value {
				sum[i][k] += float64(v)
			}
		}
		return nil
	})
	share := float64(len(s.Samples)) / float64(len(s.Samples)+trustOld)
	for i, n := range norms {
		for k := range n.Value {
			n.Value[k] = before[i][k]
			if err == nil {
				n.Value[k] = float32((1-share)*float64(before[i][k]) + share*sum[i][k]/batches)
			}
		}
	}
	return err
}

// runningStats are the leaves that hold statistics, and copies of their values.
func runningStats(g *graph.Graph) (leaves []*graph.Node, values [][]float32) {
	for _, n := range g.Nodes {
		if _, ok := n.Op.(op.BatchNormalization); !ok {
			continue
		}
		for _, s := range n.In[3:5] {
			if s.Value != nil {
				leaves = append(leaves, s)
				values = append(values, append([]float32(nil), s.Value...))
			}
		}
	}
	return leaves, values
}
