// Package optim writes the update of the parameters: nodes that a training step runs behind their gradients.
package optim

import (
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Names of the inputs that an update reads; the loop feeds them before each step.
const (
	Rate = "optim.lr"   // learning rate of this step
	Step = "optim.step" // number of this step, from 1: AdamW's bias correction
)

// AverageSuffix is what the name of a parameter's moving average has behind the parameter's.
const AverageSuffix = ".ema"

// Rule says how parameters follow their gradients.
type Rule struct {
	Adam     bool    // AdamW instead of SGD with momentum
	Momentum float32 // SGD, 0.9; AdamW's β1
	Beta2    float32 // AdamW, 0.999
	Eps      float32 // AdamW, 1e-8
	Decay    float32 // weight decay: coupled for SGD, decoupled for AdamW
	Clip     float32 // bound on the norm of all gradients together, which then live at once; 0: none
	Average  float32 // decay of the exponential moving average of the weights; 0: none

	// RateOf scales the learning rate of a parameter by name: layer-wise decay. nil: 1 for all.
	RateOf func(name string) float32
	// Saved holds State leaves of an earlier plan by name: moments that go on. Update adds what
	// is missing and shares what is there.
	Saved map[string][]float32
}

// SGD is stochastic gradient descent with momentum 0.9 and gradients clipped to norm 1.
func SGD(decay float32) Rule { return Rule{Momentum: 0.9, Decay: decay, Clip: 1} }

// AdamW is Loshchilov & Hutter 2019 with β = (0.9, 0.999).
func AdamW(decay float32) Rule {
	return Rule{Adam: true, Momentum: 0.9, Beta2: 0.999, Eps: 1e-8, Decay: decay}
}

// Update adds the nodes that change params by grads, and returns them. A plan runs each as soon as
// what it reads is there.
func (r *Rule) Update(g *graph.Graph, params, grads []*graph.Node) []*graph.Node {
	if r.Saved == nil {
		r.Saved = map[string][]float32{}
	}
	lr := g.Leaf(Rate, graph.Input, tensor.Shape{1}, nil)
	step := g.Leaf(Step, graph.Input, tensor.Shape{1}, nil)
	scales := r.scales(g, params, grads)
	var out []*graph.Node
	for i, p := range params {
		u := r.one(g, p, grads[i], lr, step, scales[i])
		if r.Average > 0 {
			u = g.Add(p.Name+AverageSuffix+".update", Average{Decay: r.Average}, r.state(g, p, AverageSuffix, p.Value), u)
		}
		out = append(out, u)
	}
	return out
}

// scales are what the gradients are multiplied with. With a bound that is one factor for all, and the step is left out if
// any of them is not finite. Without, each has its own, so that a parameter can be updated, and its gradient forgotten, as
// soon as that is there: the update of one whose gradient is not finite is left out.
func (r *Rule) scales(g *graph.Graph, params, grads []*graph.Node) []*graph.Node {
	if r.Clip > 0 {
		return slices.Repeat([]*graph.Node{r.scale(g, "optim", grads...)}, len(grads))
	}
	var out []*graph.Node
	for i, p := range params {
		out = append(out, r.scale(g, p.Name, grads[i]))
	}
	return out
}

func (r *Rule) scale(g *graph.Graph, name string, grads ...*graph.Node) *graph.Node {
	norm := g.Add(name+".norm", op.GradNorm{}, grads...)
	return g.Add(name+".scale", op.ClipScale{Limit: r.Clip}, norm)
}

func (r *Rule) one(g *graph.Graph, p, d, lr, step, scale *graph.Node) *graph.Node {
	rate := float32(1)
	if r.RateOf != nil {
		rate = r.RateOf(p.Name)
	}
	m := r.state(g, p, ".m", nil)
	if !r.Adam {
		return g.Add(p.Name+".sgd", SGDUpdate{Rate: rate, Momentum: r.Momentum, Decay: r.decay(p)}, p, d, m, lr, scale)
	}
	a := AdamWUpdate{Rate: rate, Beta1: r.Momentum, Beta2: r.Beta2, Eps: r.Eps, Decay: r.decay(p)}
	return g.Add(p.Name+".adamw", a, p, d, m, r.state(g, p, ".v", nil), lr, step, scale)
}

// decay is the same for every parameter, vectors included, as in the recipe of the baselines.
func (r *Rule) decay(*graph.Node) float32 { return r.Decay }

// state is the State leaf name+suffix: the saved values, or a copy of init, or zeros.
func (r *Rule) state(g *graph.Graph, p *graph.Node, suffix string, init []float32) *graph.Node {
	name := p.Name + suffix
	v := r.Saved[name]
	if v == nil {
		v = tensor.Floats(len(p.Value))
		copy(v, init)
		r.Saved[name] = v
	}
	return g.Leaf(name, graph.State, p.Shape, v)
}
