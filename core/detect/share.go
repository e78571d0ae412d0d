package detect

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Share is how much of each anchor counts for one object of its image: all of an anchor that the object owns, nothing of
// another object's, and of one on background what the object owns of all owned anchors. It parts what is summed over anchors,
// such as the loss of an image and its gradients, among the objects (reference: pruning §2.7): over the objects of an image
// that own anchors the shares of each anchor add up to 1. Of objects given twice the first owns.
//
//	assigned  N×A×6
//	targets   N×M×5
//	object    N    a row of the image's targets; below 0 the whole image, and every share is 1
//	y         N×A
type Share struct{}

// Kind is Share.
func (Share) Kind() string { return "Share" }

// Infer is N×A.
func (Share) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 || len(in[0]) != 3 || in[0][2] != op.AssignedWidth || len(in[1]) != 3 || in[1][2] != TargetWidth {
		return nil, fmt.Errorf("inputs %v, want assigned N×A×%d, targets N×M×%d and an object for each image", in, op.AssignedWidth, TargetWidth)
	}
	if n := in[0][:1]; !in[1][:1].Equal(n) || !in[2].Equal(n) {
		return nil, fmt.Errorf("targets %v and objects %v, want those of %d images", in[1], in[2], n[0])
	}
	return in[0][:2].Clone(), nil
}

// Grad lets nothing flow: the assignment is held.
func (Share) Grad(_ *graph.Graph, n, _ *graph.Node, _ []bool) []*graph.Node {
	return make([]*graph.Node, len(n.In))
}

// Lower goes image by image.
func (Share) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, anchors, targets := n.Shape[0], n.Shape[1]*op.AssignedWidth, n.In[1].Shape[1]*TargetWidth
	body := func(i, _ int) {
		share(m.Out[i*n.Shape[1]:][:n.Shape[1]], m.In[0][i*anchors:][:anchors], m.In[1][i*targets:][:targets], int(m.In[2][i]))
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}

// share fills the shares of one image's anchors.
func share(y, assigned, targets []float32, object int) {
	for a := range y {
		y[a] = 1
	}
	if object < 0 {
		return
	}
	own, all := 0, 0
	for a := range y {
		switch row := assigned[a*op.AssignedWidth:]; {
		case row[0] <= 0:
			continue
		case ownerOf(row[1:], targets) == object:
			own++
		default:
			y[a] = 0
		}
		all++
	}
	for a := range y {
		if assigned[a*op.AssignedWidth] <= 0 {
			y[a] = float32(own) / float32(max(all, 1))
		}
	}
}

// ownerOf is the first row of targets that an anchor's object is.
func ownerOf(object, targets []float32) int {
	for k := 0; k < len(targets); k += TargetWidth {
		if slices.Equal(object[:TargetWidth], targets[k:k+TargetWidth]) {
			return k / TargetWidth
		}
	}
	return -1
}
