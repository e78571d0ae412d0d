package score

import (
	"errors"
	"math"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/relevance"
)

// Heat says where in a picture the reasons for a class lie: the relevance of its pixels, as the network reads it.
type Heat struct {
	Height, Width int
	Class         int
	Values        []float32 // Height×Width, summed over the colours; none is below 0, and together they are at most about 1
}

// Heats are the heat maps of the scorer's samples, in their order, each for the class that the sample says or, of a
// detector, for the classes of its objects. Layers share by ZPlus, the first by the range of the pixels.
func (s *Scorer) Heats(g *graph.Graph) ([]Heat, error) {
	var heats []Heat
	err := s.eachHeat(g, &heats, func([]float32) {})
	return heats, err
}

// eachHeat appends the heat maps, and after each calls with what the plan was told of the picture.
func (s *Scorer) eachHeat(g *graph.Graph, heats *[]Heat, after func(labels []float32)) error {
	if err := s.checkOutputs(g); err != nil {
		return err
	}
	batch := s.batchOf(g)
	p, err := s.heatPlan(g, batch)
	if err != nil {
		return err
	}
	p.Hook = s.Ctx.Err
	size := g.Node(eval.Input(g)).Shape
	return s.each(p, g, batch, func(n int) error {
		v, labels := p.Data(heatNode), p.Data(targets)
		pixels, row := len(v)/batch, len(labels)/batch
		for i := range n {
			*heats = append(*heats, newHeat(size, s.Samples[len(*heats)].Class, v[i*pixels:(i+1)*pixels]))
			after(labels[i*row : (i+1)*row])
		}
		return nil
	})
}

const heatNode = "score.heat"

// heatPlan is the plan that makes the relevance of its input.
func (s *Scorer) heatPlan(g *graph.Graph, batch int) (*plan.Plan, error) {
	b, _, err := g.WithBatch(batch)
	if err != nil {
		return nil, err
	}
	x, from := b.Node(eval.Input(g)), ask(b, detect.MostObjects(s.Samples)).starts()[0]
	rules := relevance.Rules{First: relevance.Pixels(g.Preprocess())}
	r, err := relevance.Propagate(b, from.at, from.relevance, []*graph.Node{x}, rules)
	if err != nil {
		return nil, err
	}
	b.Outputs = []*graph.Node{b.Add(heatNode, op.Identity{}, r[x])}
	return plan.Compile(b, plan.Options{Env: s.Env})
}

// newHeat sums the colours of one picture, H×W×C.
func newHeat(size tensor.Shape, class int, v []float32) Heat {
	h := Heat{Height: size[1], Width: size[2], Class: class, Values: make([]float32, size[1]*size[2])}
	for i := range h.Values {
		for _, x := range v[i*size[3] : (i+1)*size[3]] {
			h.Values[i] += x
		}
	}
	return h
}

// Share is the share of the heat at the pixels inside: how far the network looks where it should. It is NaN where there is
// no heat at all.
func (h Heat) Share(inside func(x, y int) bool) float64 {
	in, all := 0.0, 0.0
	for i, v := range h.Values {
		all += float64(v)
		if inside(i%h.Width, i/h.Width) {
			in += float64(v)
		}
	}
	if all == 0 {
		return math.NaN()
	}
	return in / all
}

// Inside is the share of a detector's relevance that lies inside the boxes of the objects that it is for (reference: pruning
// §2.7): the mean over the pictures that have any heat, 0 without one.
func (s *Scorer) Inside(g *graph.Graph) (float64, error) {
	if !detect.Is(g) {
		return 0, errors.New("the model is no detector: relevance inside boxes is asked of one")
	}
	var heats []Heat
	sum, n := 0.0, 0
	err := s.eachHeat(g, &heats, func(boxes []float32) {
		h := heats[len(heats)-1]
		if share := h.Share(func(x, y int) bool { return covered(boxes, float32(x)+0.5, float32(y)+0.5) }); !math.IsNaN(share) {
			sum, n = sum+share, n+1
		}
	})
	return sum / float64(max(n, 1)), err
}

// covered reports whether a point lies in one of the rows class, xmin, ymin, xmax, ymax that are objects.
func covered(boxes []float32, x, y float32) bool {
	for ; len(boxes) > 0; boxes = boxes[detect.TargetWidth:] {
		if boxes[0] >= 0 && boxes[1] <= x && x < boxes[3] && boxes[2] <= y && y < boxes[4] {
			return true
		}
	}
	return false
}
