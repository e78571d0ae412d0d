package detect

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// TargetWidth is the length of a row of targets: class, xmin, ymin, xmax, ymax in pixels of the input; a class below 0
// is no object.
const TargetWidth = 5

// Assign says what each anchor is to answer (task-aligned assignment: Feng et al., ICCV 2021, 2108.07755, §3.2). An anchor's
// alignment with an object is t = s^Alpha·u^Beta of its score s for the object's class and the IoU u of its box. The TopK
// anchors of the largest t whose centres lie in the object are the object's, where none does the nearest; one that several
// want is that one's with the larger u. Its quality is t, scaled so that the object's best is the object's largest u.
//
//	logits   N×A×C
//	boxes    N×A×4  xmin, ymin, xmax, ymax in pixels of the input
//	centres  1×A×4  x, y, x, y of the anchors
//	targets  N×M×5
//	y        N×A×6  as of op.AssignedWidth
type Assign struct {
	TopK        int
	Alpha, Beta float64
}

// Aligned is the assignment of the paper.
func Aligned() Assign { return Assign{TopK: 13, Alpha: 1, Beta: 6} }

// Kind is Assign.
func (Assign) Kind() string { return "Assign" }

// Infer is N×A×6.
func (s Assign) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 4 || len(in[0]) != 3 {
		return nil, fmt.Errorf("inputs %v, want logits N×A×C, boxes, centres and targets", in)
	}
	n, a := in[0][0], in[0][1]
	for i, want := range []tensor.Shape{{n, a, 4}, {1, a, 4}} {
		if !in[i+1].Equal(want) {
			return nil, fmt.Errorf("input %d is %v, want %v for logits %v", i+1, in[i+1], want, in[0])
		}
	}
	if t := in[3]; len(t) != 3 || t[0] != n || t[2] != TargetWidth {
		return nil, fmt.Errorf("targets %v, want %d×M×%d", t, n, TargetWidth)
	}
	if s.TopK < 1 {
		return nil, fmt.Errorf("the top %d anchors, want at least 1", s.TopK)
	}
	return tensor.Shape{n, a, op.AssignedWidth}, nil
}

// Grad lets nothing flow: what an anchor is to answer is held while it learns to.
func (Assign) Grad(_ *graph.Graph, n, _ *graph.Node, _ []bool) []*graph.Node {
	return make([]*graph.Node, len(n.In))
}

// Lower goes image by image.
func (s Assign) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, objects := n.Shape[0], n.In[3].Shape[1]
	spaces := make([]*assigner, e.Pool.Threads())
	for i := range spaces {
		spaces[i] = newAssigner(s, n.Shape[1], objects)
	}
	part := func(i, image int) []float32 {
		size := len(m.In[i]) / images
		return m.In[i][image*size : (image+1)*size]
	}
	size := n.Shape[1] * op.AssignedWidth
	body := func(i, worker int) {
		spaces[worker].image(m.Out[i*size:(i+1)*size], part(0, i), part(1, i), m.In[2], part(3, i))
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}

// claim is an anchor's alignment with an object.
type claim struct {
	anchor int
	t, u   float64
}

// assigner is the memory of one worker.
type assigner struct {
	Assign
	best  []claim   // of one object, the best first
	owner []int     // of each anchor, -1: none
	t, u  []float64 // of each owned anchor
	topT  []float64 // of each object, over the anchors that it owns
	topU  []float64
}

func newAssigner(s Assign, anchors, objects int) *assigner {
	return &assigner{s, make([]claim, 0, s.TopK), make([]int, anchors), make([]float64, anchors), make([]float64, anchors),
		make([]float64, objects), make([]float64, objects)}
}

// image assigns the anchors of one image.
func (s *assigner) image(y, logits, boxes, centres, targets []float32) {
	for a := range s.owner {
		s.owner[a] = -1
	}
	for m := range s.topT {
		object := targets[m*TargetWidth:][:TargetWidth]
		if object[0] >= 0 {
			s.claim(m, object, logits, boxes, centres)
		}
	}
	s.settle()
	c := len(logits) / len(s.owner)
	for a, m := range s.owner {
		row := y[a*op.AssignedWidth:][:op.AssignedWidth]
		clear(row)
		row[1] = -1
		if m < 0 || int(targets[m*TargetWidth]) >= c {
			continue
		}
		row[0] = float32(s.t[a] / s.topT[m] * s.topU[m])
		copy(row[1:], targets[m*TargetWidth:][:TargetWidth])
	}
}

// claim gives object m the anchors that align best with it, unless another that wants them has the larger IoU.
func (s *assigner) claim(m int, object, logits, boxes, centres []float32) {
	c := len(logits) / len(s.owner)
	class := int(object[0])
	if class >= c {
		return
	}
	s.best = s.best[:0]
	inside := false
	for a := range s.owner {
		if within(centres[4*a:], object[1:]) {
			inside = true
			s.offer(s.align(a, class, c, object, logits, boxes))
		}
	}
	if !inside {
		s.offer(s.align(nearest(centres, object[1:]), class, c, object, logits, boxes))
	}
	for _, b := range s.best {
		if s.owner[b.anchor] < 0 || b.u > s.u[b.anchor] {
			s.owner[b.anchor], s.t[b.anchor], s.u[b.anchor] = m, b.t, b.u
		}
	}
}

func (s *assigner) align(a, class, classes int, object, logits, boxes []float32) claim {
	u := op.IoU(boxes[4*a:4*a+4], object[1:])
	score := 1 / (1 + math.Exp(-float64(logits[a*classes+class])))
	return claim{a, math.Pow(score, s.Alpha) * math.Pow(u, s.Beta), u}
}

// offer keeps a claim if it is among the TopK so far; of equal ones the earlier stays.
func (s *assigner) offer(c claim) {
	if !(c.t > 0) {
		return
	}
	at := len(s.best)
	for at > 0 && s.best[at-1].t < c.t {
		at--
	}
	if at == s.TopK {
		return
	}
	s.best = s.best[:min(len(s.best)+1, s.TopK)]
	copy(s.best[at+1:], s.best[at:])
	s.best[at] = c
}

// settle finds the largest alignment and IoU among the anchors that each object owns.
func (s *assigner) settle() {
	clear(s.topT)
	clear(s.topU)
	for a, m := range s.owner {
		if m >= 0 {
			s.topT[m], s.topU[m] = max(s.topT[m], s.t[a]), max(s.topU[m], s.u[a])
		}
	}
}

// within reports whether a centre lies in a box.
func within(centre, box []float32) bool {
	return centre[0] > box[0] && centre[0] < box[2] && centre[1] > box[1] && centre[1] < box[3]
}

// nearest is the anchor whose centre is nearest to the middle of a box, the first of several.
func nearest(centres, box []float32) int {
	x, y := (box[0]+box[2])/2, (box[1]+box[3])/2
	best, at := math.Inf(1), 0
	for a := range len(centres) / 4 {
		if d := math.Hypot(float64(centres[4*a]-x), float64(centres[4*a+1]-y)); d < best {
			best, at = d, a
		}
	}
	return at
}
