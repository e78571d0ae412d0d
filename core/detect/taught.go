package detect

import (
	"fmt"
	"math"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Taught is what a teacher's anchors answer, as an assignment: where its best class scores at least Least, that score,
// that class and the teacher's box; else background.
//
//	logits  N×A×C
//	boxes   N×A×4
//	y       N×A×6  as of op.AssignedWidth
type Taught struct{ Least float32 }

// Kind is Taught.
func (Taught) Kind() string { return "Taught" }

// Infer is N×A×6.
func (Taught) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 3 || !in[1].Equal(tensor.Shape{in[0][0], in[0][1], 4}) {
		return nil, fmt.Errorf("inputs %v, want logits N×A×C and boxes N×A×4", in)
	}
	return tensor.Shape{in[0][0], in[0][1], op.AssignedWidth}, nil
}

// Lower goes image by image.
func (t Taught) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, anchors, c := n.Shape[0], n.Shape[1], n.In[0].Shape[2]
	body := func(i, _ int) {
		for a := i * anchors; a < (i+1)*anchors; a++ {
			t.anchor(m.Out[a*op.AssignedWidth:][:op.AssignedWidth], m.In[0][a*c:(a+1)*c], m.In[1][4*a:4*a+4])
		}
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}

func (t Taught) anchor(row, logits, box []float32) {
	clear(row)
	row[1] = -1
	top := slices.Max(logits)
	if score := Score(top); score >= t.Least {
		row[0], row[1] = score, float32(slices.Index(logits, top))
		copy(row[2:], box)
	}
}

// Score is the sigmoid of a logit.
func Score(z float32) float32 { return float32(1 / (1 + math.Exp(-float64(z)))) }
