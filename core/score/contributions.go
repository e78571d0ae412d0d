package score

import (
	"fmt"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/groups"
)

// How many outputs are drawn at a layer that reads C channels: ten an image as long as they take no more than
// contributionFloats, and four for each channel at least, below which a fit to them would follow the noise.
const (
	drawsPerImage      = 10
	drawsPerChannel    = 4
	contributionFloats = 4 << 20
)

func drawsEach(images, channels int) int {
	total := min(drawsPerImage*images, contributionFloats/channels)
	return (max(total, drawsPerChannel*channels) + images - 1) / images
}

// contributions are, by the name of a layer that reads one of the groups, Σ x·xᵀ over outputs drawn there by the seed, x
// being what each of the layer's C input channels adds to the output: C×C. A batch norm behind the layer scales them as it
// does its outputs.
func (s *Scorer) contributions(st *groups.Structure) (map[string][]float64, error) {
	batch := wholeBatch(len(s.Samples), scoreBatch)
	g, _, err := st.Graph.WithBatch(batch)
	if err != nil {
		return nil, err
	}
	c := &contributor{out: map[string][]float64{}, seed: s.Seed}
	for _, site := range readers(st) {
		if err := c.draw(g, site, drawsEach(len(s.Samples), site.Weight.Shape.Channels()), batch); err != nil {
			return nil, err
		}
	}
	g.Outputs = nil
	if c.plan, err = plan.Compile(g, plan.Options{Env: s.Env, Keep: c.keep}); err != nil {
		return nil, err
	}
	c.plan.Hook = s.Ctx.Err
	c.pick()
	err = eval.EachBatch(c.plan, st.Graph, s.Samples, batch, s.Classes, nil, c.add)
	return c.out, err
}

// readers are the layers that read a group that may be pruned, each once.
func readers(st *groups.Structure) []groups.Site {
	seen := map[string]bool{}
	var list []groups.Site
	for _, g := range st.Free() {
		for _, site := range g.Consumers {
			if !seen[site.Op.Name] {
				seen[site.Op.Name] = true
				list = append(list, site)
			}
		}
	}
	return list
}

// contributor collects them.
type contributor struct {
	plan  *plan.Plan
	seed  uint64
	done  int // images
	draws []drawing
	keep  []string
	out   map[string][]float64
}

// drawing is one layer's.
type drawing struct {
	site            groups.Site
	each            int    // draws an image
	of              [3]int // output channels, height, width
	picks, products string // nodes
	batch           int
}

func (c *contributor) draw(g *graph.Graph, site groups.Site, each, batch int) error {
	n := g.Node(site.Op.Name)
	d := drawing{site: site, each: each, of: [3]int{n.Shape.Channels(), 1, 1}, batch: batch}
	if len(n.Shape) == 4 {
		d.of[1], d.of[2] = n.Shape[1], n.Shape[2]
	}
	conv, _ := n.Op.(op.Conv)
	picks := g.Leaf(n.Name+".picks", graph.Input, tensor.Shape{batch, each, 3}, nil)
	rows, err := g.Try(n.Name+".contributions", op.Contributions{Conv: conv}, n.In[0], folded(g, n, site), picks)
	if err != nil {
		return fmt.Errorf("contributions: %w", err)
	}
	d.picks, d.products = picks.Name, g.Add(n.Name+".products", op.Gram{}, rows).Name
	c.draws, c.keep = append(c.draws, d), append(c.keep, d.products)
	return nil
}

// folded is the weight of n with the batch norm behind it.
func folded(g *graph.Graph, n *graph.Node, site groups.Site) *graph.Node {
	if site.FoldScale() == nil {
		return n.In[1]
	}
	norm := g.Node(site.Norm.Name)
	return g.Add(n.Name+".folded", op.FoldWeight(norm.Op.(op.BatchNormalization)), n.In[1], norm.In[1], norm.In[4])
}

// pick draws for the next batch.
func (c *contributor) pick() {
	for _, d := range c.draws {
		to := c.plan.Data(d.picks)
		for i := range d.batch {
			rng := random.Stream(c.seed, "contributions/"+d.site.Op.Name, uint64(c.done+i))
			for k := range d.each {
				for a, n := range d.of {
					to[(i*d.each+k)*3+a] = float32(rng.IntN(n))
				}
			}
		}
	}
}

// add adds the products of the images that were run and draws for those that follow.
func (c *contributor) add(n int) error {
	for _, d := range c.draws {
		channels := d.site.Weight.Shape.Channels()
		sum := c.out[d.site.Op.Name]
		if sum == nil {
			sum = make([]float64, channels*channels)
			c.out[d.site.Op.Name] = sum
		}
		for i, v := range c.plan.Data(d.products)[:len(sum)] {
			sum[i] += float64(v)
		}
	}
	c.done += n
	c.pick()
	return nil
}
