package train

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Names of the nodes that a loss adds.
const (
	target        = "target"         // N×C, what the images are: one-hot or mixed; of a detector N×M×5, as of detect.TargetWidth
	weight        = "weight"         // N, share of each image in the loss; 0 for padding
	teacher       = "teacher"        // logits of the dense network, in their shape
	teacherBoxes  = "teacher.boxes"  // N×A×4, of a detector
	teacherWeight = "teacher.weight" // N
	loss          = "loss"           // [1]
)

// Objective is what a training minimises: smoothed cross-entropy, and distillation when Distill
// is above 0: (1-Distill)·CE + Distill·T²·KL (Hinton 2015; reference: CURL's recipe, T = 2). A detector minimises the loss
// of detect.AddLoss, and with Distill the same loss of what the dense detector's certain anchors answer.
type Objective struct {
	Smoothing   float32
	Distill     float32
	Temperature float32
	L2SP        float32              // α of the pull ½α‖w-w0‖² on everything but the head
	Source      map[string][]float32 // w0 by parameter; one without an entry is not pulled
	BSS         float32              // η of batch spectral shrinkage
	Objects     int                  // rows of a detector's target an image
}

// withLoss is a clone of a network with the objective behind it.
func withLoss(g *graph.Graph, o Objective) *graph.Graph {
	c, _ := g.Clone()
	total := taskOf(c).losses(c, o)
	terms := append(o.pulls(c), o.shrinkage(c)...)
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
	own := taskOf(c).head(c)
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
func (o Objective) shrinkage(c *graph.Graph) []*graph.Node {
	if o.BSS == 0 {
		return nil
	}
	return []*graph.Node{scaled(c, c.Add("loss.bss", op.BSS{K: 1}, c.Outputs[0].In[0], c.Node(weight)), o.BSS)}
}

func scaled(c *graph.Graph, x *graph.Node, by float32) *graph.Node {
	return c.Add(x.Name+".scaled", op.Mul{}, x, c.Leaf(x.Name+".scale", graph.Const, tensor.Shape{1}, []float32{by}))
}
