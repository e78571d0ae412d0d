package explain

import (
	"cmp"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
)

type sample = data.Sample

// cardPatches is the number of patches of a filter.
const cardPatches = 9

// want is the patches of one unit.
type want struct {
	node    *graph.Node
	channel int
	value   []float64 // by image, the largest activation
	top     []int     // images, the most exciting first
	into    *[]Patch
}

// patches finds where the pictures excite the filters of the cards, and their nearest ones, most.
func (e *explainer) patches(cards []*Card) error {
	var wants []*want
	for _, c := range cards {
		wants = append(wants, c.layer.want(c.unit, &c.Patches))
		if c.Nearest != nil {
			wants = append(wants, c.layer.want(c.Nearest.unit, &c.Nearest.Patches))
		}
	}
	p, batch, err := e.maps(wants)
	if err != nil || len(wants) == 0 {
		return err
	}
	found := map[*want]map[int]Patch{}
	done := 0
	err = eval.EachBatch(p, e.run.Dense, e.run.Train, batch, len(e.run.Classes), nil, func(n int) error {
		for _, w := range wants {
			for _, image := range w.top {
				if image >= done && image < done+n {
					if found[w] == nil {
						found[w] = map[int]Patch{}
					}
					found[w][image] = w.patch(p, image-done, e.run.Train[image])
				}
			}
		}
		done += n
		e.report("patches", done, len(e.run.Train))
		return nil
	})
	for _, w := range wants {
		for _, image := range w.top {
			if q := found[w][image]; q.Value > 0 {
				*w.into = append(*w.into, q)
			}
		}
	}
	return err
}

// want asks for the images on which a unit's largest activation is largest.
func (l *layer) want(u int, into *[]Patch) *want {
	node := l.group.Gates[len(l.group.Gates)-1]
	w := &want{node: node, channel: l.group.Units[u].Indices(node, len(node.Shape)-1)[0], value: l.pooled(poolMax)[u], into: into}
	for i := range w.value {
		w.top = append(w.top, i)
	}
	slices.SortStableFunc(w.top, func(a, b int) int { return cmp.Compare(w.value[b], w.value[a]) })
	w.top = w.top[:min(cardPatches, len(w.top))]
	return w
}

// maps is the dense network that keeps the activations of all wants.
func (e *explainer) maps(wants []*want) (*plan.Plan, int, error) {
	batch := min(eval.BatchSize/2, len(e.run.Train))
	g, _, err := e.run.Dense.WithBatch(batch)
	if err != nil {
		return nil, 0, err
	}
	var keep []string
	for _, w := range wants {
		if !slices.Contains(keep, w.node.Name) {
			keep = append(keep, w.node.Name)
		}
	}
	p, err := plan.Compile(g, plan.Options{Env: e.Env, Keep: keep})
	if err == nil {
		p.Hook = e.ctx.Err
	}
	return p, batch, err
}

// patch is where row i of the batch excites the unit most.
func (w *want) patch(p *plan.Plan, i int, s data.Sample) Patch {
	out := Patch{Image: s.Name, Path: s.Path, Class: s.Class, Box: [4]float64{0, 0, 1, 1}}
	rows, channels := w.node.Shape.Rows()/w.node.Shape[0], w.node.Shape.Channels()
	a, at := p.Data(w.node.Name)[i*rows*channels:], 0
	for r := range rows {
		if a[r*channels+w.channel] > a[at*channels+w.channel] {
			at = r
		}
	}
	out.Value = float64(a[at*channels+w.channel])
	if len(w.node.Shape) == 4 {
		width := w.node.Shape[2]
		out.Box = framed(field(w.node, at/width, at%width))
	}
	return out
}
