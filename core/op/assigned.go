package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// AssignedWidth is the length of a row of what anchors are assigned: the quality to reach, 0 to 1 and 0 for background;
// the class; and the object's xmin, ymin, xmax, ymax in pixels of the input. Losses of a detector read it and give it no
// gradient: the assignment is held.
const AssignedWidth = 6

// assignedInfer wants x N×A×K, the assigned N×A×6 and weights, N of images or N×A of anchors; K is width, any where that is 0.
func assignedInfer(in []tensor.Shape, width, more int) error {
	if len(in) != 3+more {
		return fmt.Errorf("%d inputs, want %d", len(in), 3+more)
	}
	x := in[0]
	if len(x) != 3 || width > 0 && x[2] != width {
		return fmt.Errorf("input %v, want N×A×%s", x, map[bool]string{true: "4 boxes", false: "C logits"}[width > 0])
	}
	if want := (tensor.Shape{x[0], x[1], AssignedWidth}); !in[1].Equal(want) {
		return fmt.Errorf("assigned %v, want %v", in[1], want)
	}
	if w := in[2]; !w.Equal(x[:1]) && !w.Equal(x[:2]) {
		return fmt.Errorf("weight %v, want %v, one value an image, or %v, one an anchor", w, x[:1], x[:2])
	}
	for _, s := range in[3:] {
		if !s.Equal(x[:1]) {
			return fmt.Errorf("gradient %v, want %v: one value an image", s, x[:1])
		}
	}
	return nil
}

// weightAt is the weight of an anchor: w is one image's, a value for all of its anchors or one for each.
func weightAt(w []float32, anchor int) float64 {
	if len(w) == 1 {
		return float64(w[0])
	}
	return float64(w[anchor])
}

// perAnchor runs image(i, part of x, part of assigned) for each image, on several threads.
func perAnchor(e *graph.Env, n *graph.Node, m *graph.Mem, image func(i int, x, assigned []float32)) func() {
	images := n.In[0].Shape[0]
	body := func(i, _ int) { image(i, perImage(m.In[0], i, images), perImage(m.In[1], i, images)) }
	return func() { e.Pool.Run(images, body) }
}
