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

// contributions are, for outputs drawn by the seed at every layer that reads one of the groups, what each of the layer's
// input channels adds there: S×C by the layer's name. A batch norm behind the layer scales them as it does its outputs.
func (s *Scorer) contributions(st *groups.Structure) (map[string][]float32, error) {
	batch := min(scoreBatch, len(s.Samples))
	g, _, err := st.Graph.WithBatch(batch)
	if err != nil {
		return nil, err
	}
	c := &contributor{out: map[string][]float32{}, seed: s.Seed}
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
	out   map[string][]float32
}

// drawing is one layer's.
type drawing struct {
	site        groups.Site
	each        int    // draws an image
	of          [3]int // output channels, height, width
	picks, rows string // nodes
	batch       int
	scale       []float64 // of the batch norm behind, by output; nil for 1
}

func (c *contributor) draw(g *graph.Graph, site groups.Site, each, batch int) error {
	n := g.Node(site.Op.Name)
	d := drawing{site: site, each: each, of: [3]int{n.Shape.Channels(), 1, 1}, batch: batch, scale: site.FoldScale()}
	if len(n.Shape) == 4 {
		d.of[1], d.of[2] = n.Shape[1], n.Shape[2]
	}
	conv, _ := n.Op.(op.Conv)
	picks := g.Leaf(n.Name+".picks", graph.Input, tensor.Shape{batch, each, 3}, nil)
	rows, err := g.Try(n.Name+".contributions", op.Contributions{Conv: conv}, n.In[0], n.In[1], picks)
	if err != nil {
		return fmt.Errorf("contributions: %w", err)
	}
	d.picks, d.rows = picks.Name, rows.Name
	c.draws, c.keep = append(c.draws, d), append(c.keep, rows.Name)
	return nil
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

// add appends the rows of the n images that were run and draws for those that follow.
func (c *contributor) add(n int) error {
	for _, d := range c.draws {
		rows, channels := c.plan.Data(d.rows), d.site.Weight.Shape.Channels()
		rows = rows[:n*d.each*channels]
		picks := c.plan.Data(d.picks)
		for k := range n * d.each {
			scale := float32(1)
			if d.scale != nil {
				scale = float32(d.scale[int(picks[3*k])])
			}
			for _, v := range rows[k*channels : (k+1)*channels] {
				c.out[d.site.Op.Name] = append(c.out[d.site.Op.Name], scale*v)
			}
		}
	}
	c.done += n
	c.pick()
	return nil
}
