package train

import (
	"math"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/plan"
)

// compileStep makes the plan of one training step of the current network: forward, backward and
// update in place, within the memory budget.
func (j *job) compileStep(p Part, o Objective, gates []string) (*plan.Plan, error) {
	rule := optim.SGD(float32(j.Decay))
	if j.Adam {
		rule = optim.AdamW(float32(j.Decay))
	}
	rule.Clip = float32(j.Clip)
	rule.Average, rule.Saved, rule.RateOf = float32(j.Average), j.saved, j.layerRates()
	net := j.net
	if p == Suffix {
		var err error
		if net, err = j.suffix(); err != nil {
			return nil, err
		}
		p = Full
	}
	return CompileStep(j.Env, net, Step{Objective: o, Part: p, TrainNorm: j.TrainNorm, Rule: &rule, Budget: j.MemoryBudget, Gates: gates})
}

// plain is the objective of the dense network.
func (j *job) plain() Objective {
	o := Objective{Smoothing: float32(j.Smoothing), BSS: float32(j.BSS), L2SP: float32(j.L2SP), Objects: j.objects()}
	if o.L2SP > 0 {
		o.Source = j.source()
	}
	return o
}

// source is the pretrained parameters, as far as the cuts have left them.
func (j *job) source() map[string][]float32 {
	w0 := map[string][]float32{}
	for _, p := range j.Model.Role(graph.Param) {
		w0[p.Name] = p.Value
		if spot := j.pos.Prune; spot != nil && spot.Change != nil {
			w0[p.Name] = spot.Change.Slice(p.Name, p.Value)
		}
	}
	return w0
}

// Step says what a training step of a classifier does: forward, backward, update in place.
type Step struct {
	Objective
	Part      Part // what is trained
	TrainNorm bool // batch norm on the statistics of the batch, not the running ones
	Rule      *optim.Rule
	Budget    int64    // bytes, as of plan.Options
	Gates     []string // activations whose gate gradients are kept, as of plan.Options
}

// Inputs of a step beside those of the network, optim.Rate and optim.Step.
const (
	StepTarget = target // batch×classes, what the images are: one-hot or mixed; of a detector batch×Objects×5
	StepWeight = weight // batch, the share of each image in the loss
)

// CompileStep makes the plan of one training step of a network.
func CompileStep(e graph.Env, net *graph.Graph, s Step) (*plan.Plan, error) {
	if s.TrainNorm {
		var err error
		if net, err = trainNorm(net, normMomentum); err != nil {
			return nil, err
		}
	}
	g := withLoss(net, s.Objective)
	return plan.Compile(g, plan.Options{Env: e, Loss: loss, Wrt: s.Part.params(g), Rule: s.Rule,
		Keep: []string{g.Outputs[0].Name}, Budget: s.Budget, Gates: s.Gates})
}

// normMomentum is how fast running statistics follow the batch's: PyTorch's default.
const normMomentum = 0.1

// layerRates is the share of the learning rate that a parameter has: Backbone of it where it is not the head's, and
// falling by LayerDecay with every layer between it and the head. nil where all have all of it.
func (j *job) layerRates() func(string) float32 {
	share, decay := j.Backbone, j.LayerDecay
	if share == 0 {
		share = 1
	}
	if decay == 0 {
		decay = 1
	}
	if share == 1 && decay == 1 {
		return nil
	}
	own := j.task.head(j.net)
	depth := map[string]int{}
	layers := 0
	for _, n := range j.net.Nodes {
		switch n.Op.(type) {
		case op.Conv, op.Depthwise, op.Gemm:
			layers++
		}
		for _, in := range n.In {
			if in.Is(graph.Param) {
				depth[in.Name] = layers
			}
		}
	}
	return func(name string) float32 {
		rate := math.Pow(decay, float64(layers-depth[name]))
		if !own[j.net.Node(name)] {
			rate *= share
		}
		return float32(rate)
	}
}

// average replaces the parameters by their moving averages, where the phase kept them.
func (j *job) average() {
	for name, v := range j.saved {
		if p, ok := strings.CutSuffix(name, optim.AverageSuffix); ok && j.net.Node(p) != nil {
			copy(j.net.Node(p).Value, v)
		}
	}
}
