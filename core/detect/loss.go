package detect

import (
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Weight of the boxes beside the classes, and the focus of the class loss (Li et al., 2006.04388, §4: 2 and 2).
const (
	boxWeight = 2
	focus     = 2
)

// MostObjects is the largest number of objects of any picture, 1 at least: the rows that targets need.
func MostObjects(parts ...[]data.Sample) int {
	most := 1
	for _, part := range parts {
		for _, s := range part {
			most = max(most, len(s.Boxes))
		}
	}
	return most
}

// AddAssigned adds an input of that name for the objects of each image, N×objects×5, and what the anchors are to answer
// for them.
func AddAssigned(g *graph.Graph, targets string, objects int) *graph.Node {
	logits, boxes := g.Outputs[0], g.Outputs[1]
	t := g.Leaf(targets, graph.Input, tensor.Shape{logits.Shape[0], objects, TargetWidth}, nil)
	return g.Add(Prefix+"assigned", Aligned(), logits, boxes, g.Node(Centres), t)
}

// AddLoss adds the loss of each image, N: classes and boxes of all anchors, in sums, times the image's weight.
func AddLoss(g *graph.Graph, name string, assigned, weight *graph.Node) *graph.Node {
	class := g.Add(name+".class", op.QualityFocal{Beta: focus}, g.Outputs[0], assigned, weight)
	box := g.Add(name+".box", op.BoxLoss{}, g.Outputs[1], assigned, weight)
	scale := g.Leaf(name+".box.scale", graph.Const, tensor.Shape{1}, []float32{boxWeight})
	return g.Add(name, op.Add{}, class, g.Add(name+".box.scaled", op.Mul{}, box, scale))
}

// AddMass adds the sum of the qualities that a batch asks for, 1 at least: what a step divides its loss by, so that each
// object counts alike (2108.07755, §3.3).
func AddMass(g *graph.Graph, name string, assigned *graph.Node) *graph.Node {
	quality := g.Add(name+".quality", op.Slice{Axis: 2, Count: 1}, assigned)
	one := g.Leaf(name+".least", graph.Const, tensor.Shape{1}, []float32{1})
	return g.Add(name, op.Max{}, g.Add(name+".sum", op.Sum{}, quality), one)
}
