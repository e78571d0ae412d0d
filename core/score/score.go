package score

import (
	"context"
	"fmt"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
)

// scoreBatch is the number of images of a scoring step, scorePixels about how many pixels they have together: with what
// stands for each of them at all gates, more would no longer lie in the caches.
const (
	scoreBatch  = 8
	scorePixels = 2 * 224 * 224
)

// batchOf is the number of images of a scoring step.
func (s *Scorer) batchOf(g *graph.Graph) int {
	n := scoreBatch
	for _, in := range g.Nodes {
		if in.Is(graph.Input) && len(in.Shape) == 4 { // a network of anything else is refused where pictures are read
			n = min(n, max(1, scorePixels/(in.Shape[1]*in.Shape[2])))
		}
	}
	return min(len(s.Samples), n)
}

// Scorer runs a network over images for pruning: it collects what criteria look at and what
// repair solves with. It changes nothing.
type Scorer struct {
	Ctx     context.Context
	Env     graph.Env
	Samples []data.Sample // training images: scores on others would leak
	Classes int
	Seed    uint64
	// Warn is told what should be known before a plan is trusted, a line at a time; an error stops the work. It may be nil.
	Warn func(string) error
	// Loss is Γ of the loss at gates that somebody has collected before, N×C each in the order of Samples: a training that
	// makes these gradients anyway. Where it has all gates of a network they are not made again.
	Loss map[string][]float32
}

func (s *Scorer) labels() []int {
	labels := make([]int, len(s.Samples))
	for i, x := range s.Samples {
		labels[i] = x.Class
	}
	return labels
}

// GateNames are the gates of all groups that may be pruned, each once.
func GateNames(st *groups.Structure) []string {
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

// Moments are mean and covariance of the input channels of every layer that reads one of the
// groups, by the layer's name.
func (s *Scorer) Moments(st *groups.Structure, of []*groups.Group) (map[string]ridge.Moments, error) {
	g, _ := st.Graph.Clone()
	inputOf := map[string]string{} // layer → its input
	var keep []string
	for _, group := range of {
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
	batch := wholeBatch(len(s.Samples), eval.BatchSize)
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

// wholeBatch is the largest batch of at most most images that divides n: a sum over a padded batch
// would count the padding.
func wholeBatch(n, most int) int {
	for b := min(most, n); b > 1; b-- {
		if n%b == 0 {
			return b
		}
	}
	return 1
}
