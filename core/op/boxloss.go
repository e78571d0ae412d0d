package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// BoxLoss is the box loss of a detector: y = Σ weight·q·(1 - GIoU) over the anchors with an object, where q is the
// anchor's quality and GIoU = I/U - (H-U)/H of intersection, union and hull of the anchor's box and the object's (Rezatofighi
// et al., CVPR 2019, 1902.09630, algorithm 1). Boxes are xmin, ymin, xmax, ymax, and not turned inside out.
//
//	boxes     N×A×4
//	assigned  N×A×6
//	weight    N, or N×A
//	y         N
type BoxLoss struct{}

// Kind is BoxLoss.
func (BoxLoss) Kind() string { return "BoxLoss" }

// Infer is N.
func (BoxLoss) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := assignedInfer(in, 4, 0); err != nil {
		return nil, err
	}
	return in[0][:1].Clone(), nil
}

// overlap is what two boxes have in common, cover, and lie in.
type overlap struct {
	w, h         float64 // of the intersection; negative where they lie apart
	both, union  float64
	hullW, hullH float64
}

func overlapOf(p, t []float32) overlap {
	o := overlap{
		w:     float64(min(p[2], t[2])) - float64(max(p[0], t[0])),
		h:     float64(min(p[3], t[3])) - float64(max(p[1], t[1])),
		hullW: float64(max(p[2], t[2])) - float64(min(p[0], t[0])),
		hullH: float64(max(p[3], t[3])) - float64(min(p[1], t[1])),
	}
	if o.w > 0 && o.h > 0 {
		o.both = o.w * o.h
	}
	o.union = area(p) + area(t) - o.both
	return o
}

func area(b []float32) float64 { return float64(b[2]-b[0]) * float64(b[3]-b[1]) }

// IoU is intersection over union of two boxes xmin, ymin, xmax, ymax; 0 where both are empty.
func IoU(a, b []float32) float64 {
	if o := overlapOf(a, b); o.union > 0 {
		return o.both / o.union
	}
	return 0
}

func (o overlap) hull() float64 { return o.hullW * o.hullH }

// loss is 1 - GIoU.
func (o overlap) loss() float64 { return 2 - o.both/o.union - o.union/o.hull() }

// slopes is the derivative of loss by the edges of the first box. At a kink, where edges coincide, it is one of the two.
func (o overlap) slopes(p, t []float32) (d [4]float64) {
	side := [2]float64{float64(p[2] - p[0]), float64(p[3] - p[1])}
	inner, hull := [2]float64{o.w, o.h}, [2]float64{o.hullW, o.hullH}
	for k := range d {
		axis, sign := k%2, 1.0
		if k < 2 {
			sign = -1
		}
		other := 1 - axis
		dArea, dBoth, dHull := sign*side[other], 0.0, 0.0
		outside := sign*float64(p[k]-t[k]) > 0 // this edge is the hull's, not the intersection's
		if outside {
			dHull = sign * hull[other]
		} else if o.both > 0 {
			dBoth = sign * inner[other]
		}
		dUnion := dArea - dBoth
		h := o.hull()
		d[k] = -(dBoth*o.union-o.both*dUnion)/(o.union*o.union) - (dUnion*h-o.union*dHull)/(h*h)
	}
	return d
}

// Lower adds in float64.
func (BoxLoss) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: perAnchor(e, n, m, func(i int, boxes, assigned []float32) {
		sum, w := 0.0, perImage(m.In[2], i, n.Shape[0])
		for a := range len(boxes) / 4 {
			if row := assigned[a*AssignedWidth:][:AssignedWidth]; row[0] > 0 {
				sum += weightAt(w, a) * float64(row[0]) * overlapOf(boxes[4*a:4*a+4], row[2:]).loss()
			}
		}
		m.Out[i] = float32(sum)
	})}
}

// Grad flows to the boxes only.
func (BoxLoss) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, BoxLossGrad{}, n.In[0], n.In[1], n.In[2], dy)
}

// BoxLossGrad is the gradient for the boxes, with the assignment held.
//
//	dx, boxes   N×A×4
//	assigned    N×A×6
//	weight      N, or N×A
//	dy          N
type BoxLossGrad struct{}

// Kind is BoxLossGrad.
func (BoxLossGrad) Kind() string { return "BoxLossGrad" }

// Infer is the shape of the boxes.
func (BoxLossGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := assignedInfer(in, 4, 1); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// Lower works in float64.
func (BoxLossGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images := n.Shape[0]
	return graph.Loop{Run: perAnchor(e, n, m, func(i int, boxes, assigned []float32) {
		dx, w, dy := perImage(m.Out, i, images), perImage(m.In[2], i, images), float64(m.In[3][i])
		clear(dx)
		for a := range len(boxes) / 4 {
			row, box := assigned[a*AssignedWidth:][:AssignedWidth], boxes[4*a:4*a+4]
			if row[0] <= 0 {
				continue
			}
			for k, d := range overlapOf(box, row[2:]).slopes(box, row[2:]) {
				dx[4*a+k] = float32(weightAt(w, a) * dy * float64(row[0]) * d)
			}
		}
	})}
}
