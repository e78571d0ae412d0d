package score

import (
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// questions is what gradients and relevance start from behind the outputs of a network. Each adds its node, with one value an
// image, when it is asked. rows is a node that has nothing but zeros for rows that are to be left out, nil where all count.
type questions struct {
	margin, loss, logit func() *graph.Node
	starts              func() []start
	rows                *graph.Node
}

// start is a node that relevance starts from, and what it has there.
type start struct{ at, relevance *graph.Node }

// ask adds the labels of the images, and a weight for each, as inputs.
func ask(s *graph.Graph, objects int) questions {
	if detect.Is(s) {
		return askDetector(s, detect.AddTargets(s, targets, objects))
	}
	logits := s.Outputs[0]
	t := s.Leaf(targets, graph.Input, logits.Shape, nil)
	w := s.Leaf(weights, graph.Input, tensor.Shape{logits.Shape[0]}, nil)
	return questions{
		margin: func() *graph.Node { return s.Add("score.margin", op.Margin{}, logits, t) },
		loss:   func() *graph.Node { return s.Add("score.loss", op.SoftmaxCrossEntropy{}, logits, t, w) },
		logit:  func() *graph.Node { return s.Add("score.logit", op.Mul{}, logits, t) },
		starts: func() []start { return []start{{logits, t}} },
	}
}

// askDetector asks of the anchors of one object of each image, as the network itself assigns them, or of all of them: what is
// said of the objects of an image adds up to what is said of it (reference: pruning §2.7). An object that no anchor answers for
// is left out. Relevance starts from the classes of anchors and, where the head gives distances, from those too: a tower of
// boxes would have none.
func askDetector(s *graph.Graph, t *graph.Node) questions {
	logits := s.Outputs[0]
	assigned := detect.AddAssigned(s, t)
	w := s.Add("score.share", detect.Share{}, assigned, t, s.Leaf(objectOf, graph.Input, logits.Shape[:1], nil))
	classes := func() *graph.Node {
		return s.Add("score.classes", detect.Matched{Classes: logits.Shape.Channels()}, assigned, w)
	}
	starts := func() []start {
		list := []start{{logits, classes()}}
		if d := s.Node(detect.Distances); d != nil {
			list = append(list, start{d, s.Add("score.boxes", detect.Matched{}, assigned, w)})
		}
		return list
	}
	return questions{
		rows:   w,
		margin: func() *graph.Node { return detect.AddMargin(s, "score.margin", assigned, w) },
		loss:   func() *graph.Node { return detect.AddLoss(s, "score.loss", assigned, w) },
		logit:  func() *graph.Node { return answered(s, starts()) },
		starts: starts,
	}
}

// answered is the sum of what is answered at starts: of a detector the logits of the classes and the distances to the edges
// (each explained by its gradient: ODAM, Zhao & Chan, ICLR 2023, 2304.06354).
func answered(s *graph.Graph, starts []start) *graph.Node {
	var sums []*graph.Node
	for _, f := range starts {
		sums = append(sums, s.Add(f.at.Name+".answered.sum", op.Sum{}, s.Add(f.at.Name+".answered", op.Mul{}, f.at, f.relevance)))
	}
	return s.Add("score.answered", op.AddN{}, sums...)
}
