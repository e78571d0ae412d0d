package score

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/pruning/criteria"
)

// manyObjects is how many objects are asked about one by one, or as many as there are images if these are more: each costs
// what an image does.
const manyObjects = 1000

// object is a row of what starts behind a detector's outputs: one object of an image, by its place among the image's boxes, or
// an image that has none.
type object struct{ image, box int }

// whole is the box of an object that is the image as a whole.
const whole = -1

// objects are those of the images, in their order. Of more than manyObjects it draws, from class after class in turn.
func (s *Scorer) objects() []object {
	byClass := make([][]object, s.Classes+1) // images without any behind
	total := 0
	for i, x := range s.Samples {
		for k, b := range x.Boxes {
			byClass[b.Class] = append(byClass[b.Class], object{i, k})
		}
		if len(x.Boxes) == 0 {
			byClass[s.Classes] = append(byClass[s.Classes], object{i, whole})
		}
		total += max(len(x.Boxes), 1)
	}
	most := min(total, max(manyObjects, len(s.Samples)))
	if most < total {
		rng := random.Stream(s.Seed, "objects", 0)
		for _, list := range byClass {
			rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
	}
	var out []object
	for round := 0; len(out) < most; round++ {
		for _, list := range byClass {
			if round < len(list) && len(out) < most {
				out = append(out, list[round])
			}
		}
	}
	slices.SortFunc(out, func(a, b object) int { return cmp.Or(a.image-b.image, a.box-b.box) })
	return out
}

// eachObject runs a plan of batch rows over objects in the order of their images, each picture being decoded once.
func (s *Scorer) eachObject(p *plan.Plan, g *graph.Graph, rows []object, batch int, after func(rows []object) error) error {
	l, err := data.NewLoader(s.Samples, eval.Preprocess(g), data.LoaderOptions{Batch: 1, Classes: s.Classes, Boxes: detect.MostObjects(s.Samples)})
	if err != nil {
		return err
	}
	defer l.Close()
	l.Epoch(0, 0, false)
	x, boxes, which := p.Data(eval.Input(g)), p.Data(targets), p.Data(objectOf)
	one := data.Batch{X: make([]float32, len(x)/batch), Boxes: make([]float32, len(boxes)/batch)}
	for loaded := 0; len(rows) > 0; {
		n := min(batch, len(rows))
		for i, o := range rows[:n] {
			for ; loaded <= o.image; loaded++ {
				if _, err := l.Next(&one); err != nil && err != io.EOF {
					return err
				}
			}
			copy(x[i*len(one.X):], one.X)
			copy(boxes[i*len(one.Boxes):], one.Boxes)
			which[i] = float32(o.box)
		}
		if err := p.Run(); err != nil {
			return err
		}
		if err := after(rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// eachAsked runs a plan that asks behind the outputs: a row an image or, of a detector, an object. It returns the classes of the
// rows that count: those where the node of that name is not all zero, all of them where it is "". after is told which those
// are, and which come first of their image.
func (s *Scorer) eachAsked(p *plan.Plan, g *graph.Graph, batch int, rows string, after func(n int, counts, first func(i int) bool) error) ([]int, error) {
	setAll(p, weights, 1)
	if !detect.Is(g) {
		return s.labels(), s.each(p, g, batch, func(n int) error { return after(n, all, all) })
	}
	return s.eachObjectAsked(p, g, batch, rows, s.objects(), after)
}

// eachObjectAsked is eachAsked for these objects.
func (s *Scorer) eachObjectAsked(p *plan.Plan, g *graph.Graph, batch int, rows string, list []object, after func(n int, counts, first func(i int) bool) error) ([]int, error) {
	boxes, classes, last := p.Data(targets), []int{}, -1
	err := s.eachObject(p, g, list, batch, func(some []object) error {
		counts, before := nonZero(p.Data(rows), batch), last
		for i, o := range some {
			switch last = o.image; {
			case !counts(i):
			case o.box == whole:
				classes = append(classes, s.Classes)
			default:
				classes = append(classes, int(boxes[i*len(boxes)/batch+o.box*detect.TargetWidth]))
			}
		}
		return after(len(some), counts, func(i int) bool {
			return some[i].image != before && (i == 0 || some[i].image != some[i-1].image)
		})
	})
	if err == nil && len(classes) == 0 {
		err = fmt.Errorf("no anchor of the detector answers for any of %d objects: it is damaged, or its anchors lie elsewhere", len(list))
	}
	return classes, err
}

// nonZero says which of the batch's rows of v have anything.
func nonZero(v []float32, batch int) func(i int) bool {
	size := len(v) / batch
	return func(i int) bool {
		return slices.ContainsFunc(v[i*size:(i+1)*size], func(x float32) bool { return x != 0 })
	}
}

// gatesOfObjects collects one row an object at every gate, and says of which class each is.
func (s *Scorer) gatesOfObjects(g *graph.Graph, names []string, rows []object, needs criteria.Needs) (map[string]criteria.Place, []int, error) {
	batch := min(s.batchOf(g), len(rows))
	col, err := newCollector(s.Env, g, names, batch, detect.MostObjects(s.Samples), needs)
	if err != nil {
		return nil, nil, err
	}
	col.plan.Hook = s.Ctx.Err
	classes, err := s.eachObjectAsked(col.plan, g, batch, col.rows, rows, func(n int, counts, _ func(i int) bool) error { return col.add(n, counts) })
	return col.places, classes, err
}
