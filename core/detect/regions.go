package detect

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Regions is the objects of each image, and for each a box of its size on background, whose class is Classes: what tells
// filters of objects from those of anything (reference: pruning §2.7). The box lies where it overlaps objects least, of
// equal places on a coarse grid one that the object's number picks; where every place overlaps an object too much there is
// none.
//
//	targets  N×M×5
//	y        N×2M×5  of class -1 where there is nothing
type Regions struct{ Classes, Height, Width int }

// Kind is Regions.
func (Regions) Kind() string { return "Regions" }

// Infer is N×2M×5.
func (r Regions) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 3 || in[0][2] != TargetWidth {
		return nil, fmt.Errorf("inputs %v, want targets N×M×%d", in, TargetWidth)
	}
	return tensor.Shape{in[0][0], 2 * in[0][1], TargetWidth}, nil
}

// Lower goes image by image.
func (r Regions) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, size := n.Shape[0], n.Shape[1]*n.Shape[2]
	body := func(i, _ int) {
		targets, y := m.In[0][i*size/2:(i+1)*size/2], m.Out[i*size:(i+1)*size]
		copy(y, targets)
		for k := 0; k < len(targets); k += TargetWidth {
			r.background(y[size/2+k:][:TargetWidth], targets, k)
		}
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}

// Where background is looked for: the number of places along an axis, and the overlap with an object that it may have.
const (
	places       = 8
	mostOfObject = 0.1
)

// background puts a box of the size of the object at targets[k:] where it overlaps objects least.
func (r Regions) background(row, targets []float32, k int) {
	row[0] = -1
	clear(row[1:])
	object := targets[k:][:TargetWidth]
	if object[0] < 0 {
		return
	}
	w, h := object[3]-object[1], object[4]-object[2]
	least := mostOfObject
	for p := range places * places {
		at := (p + k*places*places/len(targets)) % (places * places) // another first place for each object
		x, y := float32(at%places)/(places-1)*(float32(r.Width)-w), float32(at/places)/(places-1)*(float32(r.Height)-h)
		box := [4]float32{x, y, x + w, y + h}
		if over := mostOverlap(box[:], targets); over < least {
			least = over
			row[0] = float32(r.Classes)
			copy(row[1:], box[:])
		}
	}
}

// mostOverlap is the largest IoU of a box with an object.
func mostOverlap(box, targets []float32) (most float64) {
	for ; len(targets) > 0; targets = targets[TargetWidth:] {
		if targets[0] >= 0 {
			most = max(most, op.IoU(box, targets[1:TargetWidth]))
		}
	}
	return most
}

// Matched marks what the anchors with an object answer, for relevance to start from: the anchor's share at the logit of the
// object's class (reference: pruning §1.9, LRP) or, with Classes 0, a quarter of it at each edge of the box.
//
//	assigned  N×A×6
//	share     N×A
//	y         N×A×Classes, or N×A×4
type Matched struct{ Classes int }

// Kind is Matched.
func (Matched) Kind() string { return "Matched" }

// Infer is N×A×Classes.
func (d Matched) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 3 || in[0][2] != op.AssignedWidth || !in[1].Equal(in[0][:2]) || d.Classes < 0 {
		return nil, fmt.Errorf("inputs %v, want assigned N×A×%d and shares N×A", in, op.AssignedWidth)
	}
	return tensor.Shape{in[0][0], in[0][1], d.width()}, nil
}

func (d Matched) width() int {
	if d.Classes == 0 {
		return 4
	}
	return d.Classes
}

// Grad lets nothing flow: the assignment is held.
func (Matched) Grad(_ *graph.Graph, _, _ *graph.Node, _ []bool) []*graph.Node {
	return []*graph.Node{nil, nil}
}

// Lower goes anchor by anchor.
func (d Matched) Lower(_ *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	k := d.width()
	return graph.Loop{Run: func() {
		clear(m.Out)
		for a := range len(m.Out) / k {
			row, y, part := m.In[0][a*op.AssignedWidth:], m.Out[a*k:(a+1)*k], m.In[1][a]
			switch {
			case row[0] <= 0:
			case d.Classes == 0:
				for edge := range y {
					y[edge] = part / 4
				}
			default:
				y[int(row[1])] = part
			}
		}
	}}
}
