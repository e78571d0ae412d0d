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

// AddTargets adds an input for the objects of each image, N×objects×5.
func AddTargets(g *graph.Graph, name string, objects int) *graph.Node {
	return g.Leaf(name, graph.Input, tensor.Shape{g.Outputs[0].Shape[0], objects, TargetWidth}, nil)
}

// AddAssigned adds what the anchors are to answer for targets.
func AddAssigned(g *graph.Graph, targets *graph.Node) *graph.Node {
	return g.Add(Assigned, Aligned(), g.Outputs[0], g.Outputs[1], g.Node(Centres), targets)
}

// AddMargin adds how far objects are told apart from the rest, N: the margin of the logits, less the loss of the boxes with
// the weight that it has in training.
func AddMargin(g *graph.Graph, name string, assigned, weight *graph.Node) *graph.Node {
	class := g.Add(name+".class", op.DetectMargin{}, g.Outputs[0], assigned, weight)
	return g.Add(name, op.Sub{}, class, addBoxLoss(g, name, assigned, weight))
}

// addBoxLoss is the loss of the boxes of each image with its weight beside the classes.
func addBoxLoss(g *graph.Graph, name string, assigned, weight *graph.Node) *graph.Node {
	box := g.Add(name+".box", op.BoxLoss{}, g.Outputs[1], assigned, weight)
	scale := g.Leaf(name+".box.scale", graph.Const, tensor.Shape{1}, []float32{boxWeight})
	return g.Add(name+".box.scaled", op.Mul{}, box, scale)
}

// AddLoss adds the loss of each image, N: classes and boxes of all anchors, in sums, times the image's weight.
func AddLoss(g *graph.Graph, name string, assigned, weight *graph.Node) *graph.Node {
	class := g.Add(name+".class", op.QualityFocal{Beta: focus}, g.Outputs[0], assigned, weight)
	return g.Add(name, op.Add{}, class, addBoxLoss(g, name, assigned, weight))
}

// AddMass adds the sum of the qualities that a batch asks for, 1 at least: what a step divides its loss by, so that each
// object counts alike (2108.07755, §3.3).
func AddMass(g *graph.Graph, name string, assigned *graph.Node) *graph.Node {
	quality := g.Add(name+".quality", op.Slice{Axis: 2, Count: 1}, assigned)
	one := g.Leaf(name+".least", graph.Const, tensor.Shape{1}, []float32{1})
	return g.Add(name, op.Max{}, g.Add(name+".sum", op.Sum{}, quality), one)
}
