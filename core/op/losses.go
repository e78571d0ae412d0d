package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// lossRows runs row(i) for each of n rows of c values, on several threads where it pays.
func lossRows(e *graph.Env, n, c int, row func(i int)) func() {
	parts := 1
	if n*c >= 1<<10 {
		parts = min(n, 64)
	}
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(n, parts, part)
		for i := lo; i < hi; i++ {
			row(i)
		}
	}
	return func() { e.Pool.Run(parts, body) }
}

// lossInfer wants matrices N×C and behind them the rest as vectors of N values.
func lossInfer(in []tensor.Shape, matrices, vectors int) error {
	if len(in) != matrices+vectors {
		return fmt.Errorf("%d inputs, want %d", len(in), matrices+vectors)
	}
	for i, s := range in {
		switch {
		case i == 0 && len(s) != 2:
			return fmt.Errorf("logits are %v, want N×C", s)
		case i < matrices && !s.Equal(in[0]):
			return fmt.Errorf("input %d is %v, want %v as the logits", i, s, in[0])
		case i >= matrices && !s.Equal(in[0][:1]):
			return fmt.Errorf("input %d is %v, want %v: one value a row of the logits", i, s, in[0][:1])
		}
	}
	return nil
}

// logSumExp is log Σ exp(z·scale), by way of the largest z so that nothing overflows.
func logSumExp(z []float32, scale float64) float64 {
	top := math.Inf(-1)
	for _, v := range z {
		top = math.Max(top, float64(v)*scale)
	}
	if math.IsInf(top, 0) || math.IsNaN(top) {
		return top
	}
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(float64(v)*scale - top)
	}
	return top + math.Log(sum)
}

// SoftmaxCrossEntropy is the cross-entropy of each row with a smoothed target,
// y = weight·Σ q·(log Σ exp(z) - z) with q = (1-s)·target + s/C (Szegedy et al., CVPR 2016, §7).
//
//	logits  N×C
//	target  N×C, each row sums to 1
//	weight  N
//	y       N
type SoftmaxCrossEntropy struct{ Smoothing float32 }

// Kind is SoftmaxCrossEntropy.
func (SoftmaxCrossEntropy) Kind() string { return "SoftmaxCrossEntropy" }

// Infer is N from logits, target and weight.
func (s SoftmaxCrossEntropy) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := lossInfer(in, 2, 1); err != nil {
		return nil, err
	}
	if !(s.Smoothing >= 0 && s.Smoothing <= 1) {
		return nil, fmt.Errorf("smoothing %g, want 0 to 1", s.Smoothing)
	}
	return in[0][:1].Clone(), nil
}

// smooth is q for one value of the target.
func (s SoftmaxCrossEntropy) smooth(target float32, c int) float64 {
	return float64(target)*(1-float64(s.Smoothing)) + float64(s.Smoothing)/float64(c)
}

// Lower adds in float64. A class without weight in q may have a logit of -Inf.
func (s SoftmaxCrossEntropy) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c := n.In[0].Shape[1]
	return graph.Loop{Run: lossRows(e, n.Shape[0], c, func(i int) {
		z, target := m.In[0][i*c:(i+1)*c], m.In[1][i*c:(i+1)*c]
		lse, sum := float64(e.Kernels.Max(z)), 0.0
		if !math.IsInf(lse, 0) {
			lse += math.Log(e.Kernels.SumExp(z, float32(lse)))
		}
		for j, t := range target {
			if q := s.smooth(t, c); q != 0 {
				sum += q * (lse - float64(z[j]))
			}
		}
		m.Out[i] = float32(float64(m.In[2][i]) * sum)
	})}
}

// Grad flows to the logits only.
func (s SoftmaxCrossEntropy) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 3)
	if want[0] {
		grads[0] = g.Add(n.Name+".dx", SoftmaxCrossEntropyGrad(s), n.In[0], n.In[1], n.In[2], dy)
	}
	return grads
}

// SoftmaxCrossEntropyGrad is the gradient for the logits: (softmax(z)·Σq - q)·weight·dy.
//
//	dx                   N×C
//	logits, target       N×C
//	weight, dy           N
type SoftmaxCrossEntropyGrad struct{ Smoothing float32 }

// Kind is SoftmaxCrossEntropyGrad.
func (SoftmaxCrossEntropyGrad) Kind() string { return "SoftmaxCrossEntropyGrad" }

// Infer is the shape of the logits.
func (SoftmaxCrossEntropyGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := lossInfer(in, 2, 2); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// Lower adds in float64.
func (s SoftmaxCrossEntropyGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c := n.Shape[1]
	q := SoftmaxCrossEntropy(s).smooth
	return graph.Loop{Run: lossRows(e, n.Shape[0], c, func(i int) {
		z, target, dx := m.In[0][i*c:(i+1)*c], m.In[1][i*c:(i+1)*c], m.Out[i*c:(i+1)*c]
		total := 0.0
		for _, t := range target {
			total += q(t, c)
		}
		e.Kernels.Exp(dx, z, e.Kernels.Max(z))
		total /= e.Kernels.Sum(dx)
		up := float64(m.In[2][i]) * float64(m.In[3][i])
		for j, t := range target {
			dx[j] = float32((float64(dx[j])*total - q(t, c)) * up)
		}
	})}
}

// Distill is the distance of each row from a teacher's answer at temperature T,
// y = weight·T²·KL(softmax(teacher/T) ‖ softmax(logits/T)) (Hinton et al. 2015).
//
//	logits, teacher  N×C
//	weight           N
//	y                N
type Distill struct{ T float32 }

// Kind is Distill.
func (Distill) Kind() string { return "Distill" }

// Infer is N from logits, teacher and weight.
func (d Distill) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := lossInfer(in, 2, 1); err != nil {
		return nil, err
	}
	if !(d.T > 0) {
		return nil, fmt.Errorf("temperature %g, want more than 0", d.T)
	}
	return in[0][:1].Clone(), nil
}

// Lower works in float64.
func (d Distill) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, t := n.In[0].Shape[1], float64(d.T)
	return graph.Loop{Run: lossRows(e, n.Shape[0], c, func(i int) {
		z, teacher := m.In[0][i*c:(i+1)*c], m.In[1][i*c:(i+1)*c]
		zl, tl, sum := logSumExp(z, 1/t), logSumExp(teacher, 1/t), 0.0
		for j, v := range teacher {
			logP := float64(v)/t - tl
			if p := math.Exp(logP); p != 0 {
				sum += p * (logP - (float64(z[j])/t - zl))
			}
		}
		m.Out[i] = float32(float64(m.In[2][i]) * t * t * sum)
	})}
}

// Grad flows to the logits only.
func (d Distill) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 3)
	if want[0] {
		grads[0] = g.Add(n.Name+".dx", DistillGrad(d), n.In[0], n.In[1], n.In[2], dy)
	}
	return grads
}

// DistillGrad is the gradient for the logits:
// weight·T·(softmax(logits/T) - softmax(teacher/T))·dy.
//
//	dx               N×C
//	logits, teacher  N×C
//	weight, dy       N
type DistillGrad struct{ T float32 }

// Kind is DistillGrad.
func (DistillGrad) Kind() string { return "DistillGrad" }

// Infer is the shape of the logits.
func (DistillGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := lossInfer(in, 2, 2); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// Lower works in float64.
func (d DistillGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, t := n.Shape[1], float64(d.T)
	return graph.Loop{Run: lossRows(e, n.Shape[0], c, func(i int) {
		z, teacher, dx := m.In[0][i*c:(i+1)*c], m.In[1][i*c:(i+1)*c], m.Out[i*c:(i+1)*c]
		zl, tl := logSumExp(z, 1/t), logSumExp(teacher, 1/t)
		up := float64(m.In[2][i]) * float64(m.In[3][i]) * t
		for j := range dx {
			dx[j] = float32(up * (math.Exp(float64(z[j])/t-zl) - math.Exp(float64(teacher[j])/t-tl)))
		}
	})}
}
