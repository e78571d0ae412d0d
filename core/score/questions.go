package score

import (
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// questions is what gradients and relevance start from behind the outputs of a network. Each adds its node, with one value an
// image, when it is asked.
type questions struct {
	margin, loss, logit func() *graph.Node
	starts              func() []start
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

// askDetector asks of the anchors with an object, as the network itself assigns them: the sum over them is the image's
// (reference: pruning §2.7). Relevance starts from their classes and, where the head gives distances, from those too: a tower
// of boxes would have none.
func askDetector(s *graph.Graph, t *graph.Node) questions {
	logits := s.Outputs[0]
	w := s.Leaf(weights, graph.Input, tensor.Shape{logits.Shape[0]}, nil)
	assigned := detect.AddAssigned(s, t)
	classes := func() *graph.Node {
		return s.Add("score.classes", detect.Matched{Classes: logits.Shape.Channels()}, assigned)
	}
	return questions{
		margin: func() *graph.Node { return detect.AddMargin(s, "score.margin", assigned, w) },
		loss:   func() *graph.Node { return detect.AddLoss(s, "score.loss", assigned, w) },
		logit:  func() *graph.Node { return s.Add("score.logit", op.Mul{}, logits, classes()) },
		starts: func() []start {
			list := []start{{logits, classes()}}
			if d := s.Node(detect.Distances); d != nil {
				list = append(list, start{d, s.Add("score.boxes", detect.Matched{}, assigned)})
			}
			return list
		},
	}
}
