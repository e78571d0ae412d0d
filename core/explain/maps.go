package explain

import (
	"math"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/score"
)

// Relevance is where in tested pictures the reasons for their classes lie, before and after pruning (layer-wise relevance
// propagation), and how much of it at the defects.
type Relevance struct {
	Maps   []Map   `json:"maps"`
	Images int     `json:"images"` // with masks or boxes, which the shares are means over; 0: there are none
	Before float64 `json:"before"` // share of the relevance inside them
	After  float64 `json:"after"`
	Area   float64 `json:"area"` // share of the pictures that they take: what maps without an aim would have
}

// Map is one picture's, in mapSide×mapSide cells whose values add up to 1, or are all 0.
type Map struct {
	Image        string      `json:"image"`
	Path         string      `json:"-"`
	Class        int         `json:"class"`
	Before       []float64   `json:"before"`
	After        []float64   `json:"after"`
	InsideBefore float64     `json:"inside_before"` // share at the defects; 0 without a mask or box
	InsideAfter  float64     `json:"inside_after"`
	Region       data.Region `json:"-"` // the defects; nil: not marked
	Scene        *Scene      `json:"-"` // of a detector
}

// Bounds on the maps.
const (
	mapSide    = 28
	mostMapped = 120 // tested pictures
	mostShown  = 6
)

// relevance compares the maps of both networks on tested pictures.
func (e *explainer) relevance() error {
	samples := thinned(e.run.Tested, mostMapped)
	before, err := e.heatsOf(e.run.Dense, samples)
	if err != nil {
		e.out.Notes = append(e.out.Notes, "No relevance maps: "+err.Error()+".")
		return e.ctx.Err()
	}
	after, err := e.heatsOf(e.run.Net, samples)
	if err != nil {
		return err
	}
	regions, _, err := data.Regions(samples)
	if err != nil {
		e.out.Notes = append(e.out.Notes, "How much of the relevance lies at the defects is not known: there are no masks and no boxes.csv beside the pictures.")
		regions = make([]data.Region, len(samples))
	}
	e.out.Relevance = compareMaps(samples, before, after, regions, e.inside)
	for i, m := range e.out.Relevance.Maps {
		e.out.Relevance.Maps[i].Scene = e.seen[m.Path]
	}
	return nil
}

// thinned is at most n of the samples, spread over them.
func thinned(samples []data.Sample, n int) []data.Sample {
	step := (len(samples) + n - 1) / n
	var out []data.Sample
	for i := 0; i < len(samples); i += max(step, 1) {
		out = append(out, samples[i])
	}
	return out
}

func (e *explainer) heatsOf(g *graph.Graph, samples []data.Sample) ([]score.Heat, error) {
	e.report("relevance", "", 0, len(samples))
	s := &score.Scorer{Ctx: e.ctx, Env: e.Env, Samples: samples, Classes: len(e.run.Classes), Seed: e.run.Seed}
	heats, err := s.Heats(g)
	if err != nil || !eval.Preprocess(g).Letterbox {
		return heats, err
	}
	for i, h := range heats {
		f, err := e.frame(samples[i].Path)
		if err != nil {
			return nil, err
		}
		heats[i] = f.crop(h)
	}
	return heats, nil
}

// inside is the share of a picture's relevance in its boxes or, where it has none, by cells in a region.
func (e *explainer) inside(s data.Sample, h score.Heat, region data.Region) float64 {
	if s.Boxes == nil {
		return insideCells(s, h, region)
	}
	f, err := e.frame(s.Path)
	if err != nil {
		return 0
	}
	share := h.Share(func(x, y int) bool {
		return f.class(s, (float64(x)+0.5)/float64(h.Width), (float64(y)+0.5)/float64(h.Height)) != f.background
	})
	if math.IsNaN(share) {
		return 0
	}
	return share
}

// compareMaps shows a picture of each class in turn, marked ones first.
func compareMaps(samples []data.Sample, before, after []score.Heat, regions []data.Region, inside func(data.Sample, score.Heat, data.Region) float64) *Relevance {
	r := &Relevance{}
	var marked, plain []Map
	for i, s := range samples {
		m := Map{Image: s.Name, Path: s.Path, Class: s.Class, Before: cells(before[i]), After: cells(after[i]), Region: regions[i]}
		if m.Region == nil {
			plain = append(plain, m)
			continue
		}
		grid := m.Region.Grid(mapSide, mapSide)
		m.InsideBefore, m.InsideAfter = inside(s, before[i], m.Region), inside(s, after[i], m.Region)
		r.Images++
		r.Before += m.InsideBefore
		r.After += m.InsideAfter
		for _, v := range grid {
			r.Area += float64(v) / (mapSide * mapSide)
		}
		marked = append(marked, m)
	}
	n := float64(max(r.Images, 1))
	r.Before, r.After, r.Area = r.Before/n, r.After/n, r.Area/n
	r.Maps = inTurn(append(marked, plain...))
	return r
}

// inTurn takes a map of each class before a second of any.
func inTurn(maps []Map) []Map {
	seen := map[int]int{}
	rounds := make([][]Map, len(maps))
	for _, m := range maps {
		rounds[seen[m.Class]] = append(rounds[seen[m.Class]], m)
		seen[m.Class]++
	}
	var out []Map
	for _, round := range rounds {
		out = append(out, round...)
	}
	return out[:min(len(out), mostShown)]
}

// cells sums a map over mapSide×mapSide cells and divides by the whole.
func cells(h score.Heat) []float64 {
	out, all := make([]float64, mapSide*mapSide), 0.0
	for i, v := range h.Values {
		y, x := i/h.Width*mapSide/h.Height, i%h.Width*mapSide/h.Width
		out[y*mapSide+x] += float64(v)
		all += float64(v)
	}
	if all > 0 {
		for i := range out {
			out[i] /= all
		}
	}
	return out
}

// insideCells is the share of a map in a region, cells counting by how far they are in it.
func insideCells(_ data.Sample, h score.Heat, region data.Region) float64 {
	sum, grid := 0.0, region.Grid(mapSide, mapSide)
	for i, v := range cells(h) {
		sum += v * float64(grid[i])
	}
	return sum
}
