package score

import (
	"context"
	"fmt"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
)

// scoreBatch is the number of images of a scoring step.
const scoreBatch = 8

// Scorer runs a network over images for pruning: it collects what criteria look at and what
// repair solves with. It changes nothing.
type Scorer struct {
	Ctx     context.Context
	Env     graph.Env
	Samples []data.Sample // training images: scores on others would leak
	Classes int
	Seed    uint64
}

// Rank scores every group that the limits allow by a criterion.
func (s *Scorer) Rank(c criteria.Criterion, st *groups.Structure, l pruning.Limits) (pruning.Ranking, error) {
	places, labels, err := s.collect(c, st)
	if err != nil {
		return pruning.Ranking{}, err
	}
	return pruning.Rank(c, st, l, func(g *groups.Group) (*criteria.Matrices, error) {
		if places == nil {
			return &criteria.Matrices{Seed: s.Seed}, nil
		}
		m, err := criteria.Gather(g, len(labels), places)
		if err != nil {
			return nil, err
		}
		m.Labels, m.Weight, m.Seed = labels, criteria.ClassWeights(labels), s.Seed
		return m, nil
	})
}

// collect runs the images through the gates, when the criterion looks at images at all.
func (s *Scorer) collect(c criteria.Criterion, st *groups.Structure) (map[string]criteria.Place, []int, error) {
	if c.Needs == criteria.Nothing || c.Needs == criteria.Weights {
		return nil, nil, nil
	}
	gradients := c.Needs != criteria.Activations
	if gradients && len(st.Graph.Outputs) != 1 {
		return nil, nil, fmt.Errorf("criterion %s needs a classifier; this model has %d outputs", c.Name, len(st.Graph.Outputs))
	}
	if out := st.Graph.Outputs[0].Shape; gradients && (len(out) != 2 || out[1] != s.Classes) {
		return nil, nil, fmt.Errorf("criterion %s needs a classifier of the data's %d classes; this model gives %v", c.Name, s.Classes, out)
	}
	batch := min(scoreBatch, len(s.Samples))
	col, err := newCollector(s.Env, st.Graph, gateNames(st), batch, gradients)
	if err != nil {
		return nil, nil, err
	}
	col.plan.Hook = s.Ctx.Err
	y := make([]float32, batch*s.Classes)
	if gradients {
		y = col.plan.Data(targets)
		for i := range col.plan.Data(weights) {
			col.plan.Data(weights)[i] = 1
		}
	}
	if err := eval.EachBatch(col.plan, st.Graph, s.Samples, batch, s.Classes, y, col.add); err != nil {
		return nil, nil, err
	}
	return col.places, s.labels(), nil
}

func (s *Scorer) labels() []int {
	labels := make([]int, len(s.Samples))
	for i, x := range s.Samples {
		labels[i] = x.Class
	}
	return labels
}

// gateNames are the gates of all groups that may be pruned, each once.
func gateNames(st *groups.Structure) []string {
	seen := map[string]bool{}
	var names []string
	for _, g := range st.Free() {
		for _, n := range g.Gates {
			if !seen[n.Name] {
				seen[n.Name] = true
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// Moments are mean and covariance of the input channels of every layer that will lose some, by
// the layer's name.
func (s *Scorer) Moments(st *groups.Structure, remove map[int][]int) (map[string]ridge.Moments, error) {
	g, _ := st.Graph.Clone()
	inputOf := map[string]string{} // layer → its input
	var keep []string
	for _, group := range st.Groups {
		if len(remove[group.ID]) == 0 {
			continue
		}
		for _, c := range group.Consumers {
			x := c.Op.In[0].Name
			if g.Node(x+gramSuffix) == nil {
				keep = append(keep, g.Add(x+gramSuffix, op.Gram{}, g.Node(x)).Name)
			}
			inputOf[c.Op.Name] = x
		}
	}
	sums, rows, err := s.sum(g, keep)
	if err != nil {
		return nil, err
	}
	stats := map[string]ridge.Moments{}
	for layer, x := range inputOf {
		n := g.Node(x)
		perImage := n.Shape.Rows() / n.Shape[0]
		if stats[layer], err = ridge.MomentsOf(sums[x+gramSuffix], n.Shape.Channels(), rows*perImage); err != nil {
			return nil, fmt.Errorf("%s: %w", layer, err)
		}
	}
	return stats, nil
}

const gramSuffix = ".gram"

// sum adds the values of kept nodes over the images, which are run in whole batches: the number of
// images that were run is returned.
func (s *Scorer) sum(g *graph.Graph, keep []string) (map[string][]float64, int, error) {
	batch := wholeBatch(len(s.Samples))
	sums := map[string][]float64{}
	g.Outputs = nil
	p, err := plan.Compile(g, plan.Options{Env: s.Env, Batch: batch, Keep: keep})
	if err != nil {
		return nil, 0, err
	}
	p.Hook = s.Ctx.Err
	images := 0
	err = eval.EachBatch(p, g, s.Samples, batch, s.Classes, nil, func(n int) error {
		images += n
		for _, name := range keep {
			d := p.Data(name)
			if sums[name] == nil {
				sums[name] = make([]float64, len(d))
			}
			for i, v := range d {
				sums[name][i] += float64(v)
			}
		}
		return nil
	})
	return sums, images, err
}

// wholeBatch is the largest batch of at most eval.BatchSize that divides n: a sum over a padded batch
// would count the padding.
func wholeBatch(n int) int {
	for b := min(eval.BatchSize, n); b > 1; b-- {
		if n%b == 0 {
			return b
		}
	}
	return 1
}
