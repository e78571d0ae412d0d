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
	L2SP        float32              // α of the pull ½α‖w-w0‖² on everything but the head
	Source      map[string][]float32 // w0 by parameter; one without an entry is not pulled
	BSS         float32              // η of batch spectral shrinkage
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
	terms := append(o.pulls(c), o.shrinkage(c, logits, w)...)
	if len(terms) == 0 {
		c.Add(loss, op.Sum{}, total)
		return c
	}
	sum := c.Add("loss.data", op.Sum{}, total)
	for i, x := range terms {
		name := loss
		if i+1 < len(terms) {
			name = "loss.with"
		}
		sum = c.Add(name, op.Add{}, sum, x)
	}
	return c
}

// pulls are L2-SP's terms, one a parameter.
func (o Objective) pulls(c *graph.Graph) (terms []*graph.Node) {
	if o.L2SP == 0 {
		return nil
	}
	own := head(c)
	for _, p := range c.Role(graph.Param) {
		w0 := o.Source[p.Name]
		if len(w0) != len(p.Value) || own[p] {
			continue
		}
		at := c.Leaf(p.Name+".source", graph.Const, p.Shape, w0)
		terms = append(terms, scaled(c, c.Add(p.Name+".l2sp", op.L2SP{}, p, at), o.L2SP))
	}
	return terms
}

// shrinkage is BSS of what the last layer reads.
func (o Objective) shrinkage(c *graph.Graph, logits, weight *graph.Node) []*graph.Node {
	if o.BSS == 0 {
		return nil
	}
	return []*graph.Node{scaled(c, c.Add("loss.bss", op.BSS{K: 1}, logits.In[0], weight), o.BSS)}
}

func scaled(c *graph.Graph, x *graph.Node, by float32) *graph.Node {
	return c.Add(x.Name+".scaled", op.Mul{}, x, c.Leaf(x.Name+".scale", graph.Const, tensor.Shape{1}, []float32{by}))
}
