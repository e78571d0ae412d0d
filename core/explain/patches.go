package explain

import (
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
)

// cardPatches is the number of patches of a filter.
const cardPatches = 9

// want is the patches of one unit.
type want struct {
	node    *graph.Node
	channel int
	into    *[]Patch // the most exciting first
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
	done := 0
	return eval.EachBatch(p, e.run.Dense, e.run.Train, batch, len(e.run.Classes), nil, func(n int) error {
		for i, s := range e.run.Train[done : done+n] {
			frame, err := e.frame(s.Path)
			if err != nil {
				return err
			}
			for _, w := range wants {
				w.keep(w.patch(p, i, s, frame))
			}
		}
		done += n
		e.report("patches", "", done, len(e.run.Train))
		return nil
	})
}

// want asks for the images on which a unit's largest activation is largest.
func (l *layer) want(u int, into *[]Patch) *want {
	node := l.group.Gates[len(l.group.Gates)-1]
	return &want{node: node, channel: l.group.Units[u].Indices(node, len(node.Shape)-1)[0], into: into}
}

// keep takes a patch in if it is among the most exciting ones; of equal ones the earlier stays.
func (w *want) keep(x Patch) {
	list := *w.into
	at := len(list)
	for at > 0 && list[at-1].Value < x.Value {
		at--
	}
	if x.Value > 0 && at < cardPatches {
		*w.into = slices.Insert(list[:min(len(list), cardPatches-1)], at, x)
	}
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

// patch is where row i of the batch excites the unit most. The picture takes the frame of the input.
func (w *want) patch(p *plan.Plan, i int, s data.Sample, frame pictureFrame) Patch {
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
		f := frame.shares(field(w.node, at/width, at%width))
		out.Box = framed(f)
		out.Class = frame.class(s, (f[0]+f[2])/2, (f[1]+f[3])/2)
	}
	return out
}
