// Package optim writes the update of the parameters: the last nodes of a training step.
package optim

import (
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
	Clip     float32 // bound on the norm of all gradients together; 0: none
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

// Update adds the nodes that change params by grads, and returns them.
func (r *Rule) Update(g *graph.Graph, params, grads []*graph.Node) []*graph.Node {
	if r.Saved == nil {
		r.Saved = map[string][]float32{}
	}
	lr := g.Leaf(Rate, graph.Input, tensor.Shape{1}, nil)
	step := g.Leaf(Step, graph.Input, tensor.Shape{1}, nil)
	norm := g.Add("optim.norm", op.GradNorm{}, grads...)
	scale := g.Add("optim.scale", op.ClipScale{Limit: r.Clip}, norm)
	var out []*graph.Node
	for i, p := range params {
		u := r.one(g, p, grads[i], lr, step, scale)
		if r.Average > 0 {
			u = g.Add(p.Name+AverageSuffix+".update", Average{Decay: r.Average}, r.state(g, p, AverageSuffix, p.Value), u)
		}
		out = append(out, u)
	}
	return out
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
