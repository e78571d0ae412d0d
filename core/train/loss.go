package train

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Names of the nodes that a loss adds.
const (
	target        = "target"         // N×C, what the images are: one-hot or mixed
	weight        = "weight"         // N, share of each image in the loss; 0 for padding
	teacher       = "teacher"        // N×C, logits of the dense network
	teacherWeight = "teacher.weight" // N
	loss          = "loss"           // [1]
)

// Objective is what a training minimises: smoothed cross-entropy, and distillation when Distill
// is above 0: (1-Distill)·CE + Distill·T²·KL (Hinton 2015; reference: CURL's recipe, T = 2).
type Objective struct {
	Smoothing   float32
	Distill     float32
	Temperature float32
}

// withLoss is a clone of a classifier with the objective behind it.
func withLoss(g *graph.Graph, o Objective) *graph.Graph {
	c, _ := g.Clone()
	logits := c.Outputs[0]
	n := logits.Shape[0]
	t := c.Leaf(target, graph.Input, logits.Shape, nil)
	w := c.Leaf(weight, graph.Input, tensor.Shape{n}, nil)
	total := c.Add("loss.ce", op.SoftmaxCrossEntropy{Smoothing: o.Smoothing}, logits, t, w)
	if o.Distill > 0 {
		soft := c.Leaf(teacher, graph.Input, logits.Shape, nil)
		sw := c.Leaf(teacherWeight, graph.Input, tensor.Shape{n}, nil)
		kd := c.Add("loss.kd", op.Distill{T: o.Temperature}, logits, soft, sw)
		total = c.Add("loss.each", op.Add{}, total, kd)
	}
	c.Add(loss, op.Sum{}, total)
	return c
}
