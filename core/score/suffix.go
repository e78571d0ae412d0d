package score

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/grad"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/groups"
)

// suffix is the part of a network behind the gates of a group, with the loss of each image as its output and
// y = scale·a + shift in place of each gate a. The outermost gates and whatever else it reads of the
// network before them, such as the skip around a block, are inputs. So is what the anchors of a detector are to answer: the whole
// network's assignment is held, or the loss would jump where a switch moves an object to another anchor.
type suffix struct {
	g     *graph.Graph
	gates []switched
	feeds []string // names of its inputs, those that depend on the images
	loss  string   // N
}

// probeLoss is the node of the loss.
const probeLoss = "probe.loss"

// switched is one gate with its switch; names are those of nodes.
type switched struct {
	name          string
	channels      int
	at            [][]int // channels of each unit
	scale, shift  string  // inputs, C
	gated         string
	centre, gamma string // in the plan of gammas: an input, C; N×C
}

// behind cuts the suffix for batches of some size.
func behind(g *graph.Graph, group *groups.Group, batch int) (*suffix, error) {
	b, _, err := g.WithBatch(batch)
	if err != nil {
		return nil, err
	}
	s := &suffix{}
	units := map[string][][]int{}
	for _, n := range group.Gates {
		units[n.Name] = channelsOf(group, n)
	}
	h, at, err := graph.Map(b, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		y, err := dst.Keep(n, in)
		if err != nil || units[n.Name] == nil {
			return y, err
		}
		return s.gate(dst, y, units[n.Name])
	})
	if err != nil {
		return nil, err
	}
	if len(s.gates) == 0 {
		return nil, fmt.Errorf("it has no gate")
	}
	loss := s.addLoss(h, batch)
	feeds := s.frontier(h, loss, imagesOf(b, at))
	s.loss = loss.Name
	s.g, _, err = h.Sub(feeds, []*graph.Node{loss})
	return s, err
}

// addLoss adds the loss of each image.
func (s *suffix) addLoss(h *graph.Graph, batch int) *graph.Node {
	logits := h.Outputs[0]
	if !detect.Is(h) {
		return h.Add(probeLoss, op.SoftmaxCrossEntropy{}, logits, h.Leaf(targets, graph.Input, logits.Shape, nil), ones(h, weights, batch))
	}
	held := h.Leaf(detect.Assigned, graph.Input, tensor.Shape{batch, logits.Shape[1], op.AssignedWidth}, nil)
	s.feeds = append(s.feeds, held.Name)
	return detect.AddLoss(h, probeLoss, held, ones(h, weights, batch))
}

// channelsOf is where each unit of a group lies at a gate.
func channelsOf(g *groups.Group, gate *graph.Node) [][]int {
	at := make([][]int, len(g.Units))
	for i, u := range g.Units {
		at[i] = u.Indices(gate, len(gate.Shape)-1)
	}
	return at
}

// gate puts a switch behind a.
func (s *suffix) gate(dst *graph.Graph, a *graph.Node, at [][]int) (*graph.Node, error) {
	shape := tensor.Shape{a.Shape.Channels()}
	scale := dst.Leaf(a.Name+".scale", graph.Input, shape, nil)
	shift := dst.Leaf(a.Name+".shift", graph.Input, shape, nil)
	scaled, err := dst.Try(a.Name+".scaled", op.Mul{}, a, scale)
	if err != nil {
		return nil, err
	}
	y, err := dst.Try(a.Name+".gated", op.Add{}, scaled, shift)
	if err == nil {
		s.gates = append(s.gates, switched{name: a.Name, channels: shape[0], at: at, scale: scale.Name, shift: shift.Name, gated: y.Name})
	}
	return y, err
}

func ones(g *graph.Graph, name string, n int) *graph.Node {
	return g.Leaf(name, graph.Const, tensor.Shape{n}, slices.Repeat([]float32{1}, n))
}

// imagesOf are the network's own inputs, as they are in the gated graph.
func imagesOf(b *graph.Graph, at map[*graph.Node]*graph.Node) []*graph.Node {
	var list []*graph.Node
	for _, n := range b.Role(graph.Input) {
		list = append(list, at[n])
	}
	return list
}

// frontier is what the nodes behind the switches read that depends on the images and on no switch.
func (s *suffix) frontier(h *graph.Graph, loss *graph.Node, images []*graph.Node) []*graph.Node {
	var switches []*graph.Node
	for _, gate := range s.gates {
		switches = append(switches, h.Node(gate.scale))
	}
	depends, shown, need := dependents(h, switches), dependents(h, images), h.Need(loss)
	var feeds []*graph.Node
	for _, n := range h.Nodes {
		if !depends[n.ID] || !need[n.ID] {
			continue
		}
		for _, x := range n.In {
			if shown[x.ID] && !depends[x.ID] && !slices.Contains(feeds, x) {
				feeds = append(feeds, x)
				s.feeds = append(s.feeds, x.Name)
			}
		}
	}
	return feeds
}

// dependents marks, by ID, the given nodes and all that is made from them.
func dependents(g *graph.Graph, of []*graph.Node) []bool {
	marks := make([]bool, len(g.Nodes))
	for _, n := range of {
		marks[n.ID] = true
	}
	for _, n := range g.Nodes {
		for _, x := range n.In {
			marks[n.ID] = marks[n.ID] || marks[x.ID]
		}
	}
	return marks
}

// losses is the plan that makes the loss of each image.
func (s *suffix) losses(e graph.Env) (*plan.Plan, error) {
	return plan.Compile(s.g, plan.Options{Env: e, Fold: true})
}

// gammas is the plan that makes, beside it, Σ over pixels of (a-centre)·∂loss/∂y at each gate: the
// derivative by the scale where the shift makes up for the centre.
func (s *suffix) gammas(e graph.Env) (*plan.Plan, error) {
	g, _ := s.g.Clone()
	var wrt []*graph.Node
	for _, gate := range s.gates {
		wrt = append(wrt, g.Node(gate.gated))
	}
	grads, err := grad.Differentiate(g, g.Node(s.loss), wrt)
	if err != nil {
		return nil, err
	}
	var keep []string
	for i, y := range wrt {
		gate := &s.gates[i]
		d := grads[y]
		if d == nil {
			continue
		}
		a := g.Node(gate.name)
		centre := g.Leaf(gate.name+".centre", graph.Input, tensor.Shape{gate.channels}, nil)
		gate.centre = centre.Name
		gate.gamma = g.Add(gate.name+".gamma", op.GateGrad{}, g.Add(gate.name+".centred", op.Sub{}, a, centre), d).Name
		keep = append(keep, gate.gamma)
	}
	return plan.Compile(g, plan.Options{Env: e, Keep: keep})
}
