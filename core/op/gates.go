package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// GateGrad is the gradient of a gate on each channel of each image, Σ a·da over pixels: what
// multiplying channel c of image n by 1+ε changes, per ε (Molchanov et al., CVPR 2019, §3).
//
//	a, da  N×…×C
//	y      N×C
type GateGrad struct{}

// Kind is GateGrad.
func (GateGrad) Kind() string { return "GateGrad" }

// Infer is N×C.
func (GateGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) < 2 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("inputs %v, want a and da, both N×…×C", in)
	}
	return tensor.Shape{in[0][0], in[0].Channels()}, nil
}

// Lower goes image by image.
func (GateGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, c := n.Shape[0], n.Shape[1]
	size := n.In[0].Shape.Elems() / images
	body := func(i, _ int) {
		y := m.Out[i*c : (i+1)*c]
		clear(y)
		e.Kernels.ColDot(y, m.In[0][i*size:(i+1)*size], m.In[1][i*size:(i+1)*size])
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}

// GradCAM is the weight of each channel of each image in a class activation map, times the channel's mean:
// mean over pixels of a, times that of da, the gradient of a logit (Selvaraju et al., ICCV 2017, eq. 1).
//
//	a, da  N×…×C
//	y      N×C
type GradCAM struct{}

// Kind is GradCAM.
func (GradCAM) Kind() string { return "GradCAM" }

// Infer is N×C.
func (GradCAM) Infer(in []tensor.Shape) (tensor.Shape, error) { return (GateGrad{}).Infer(in) }

// Lower goes image by image.
func (GradCAM) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, c := n.Shape[0], n.Shape[1]
	pixels := float32(n.In[0].Shape.Rows() / images)
	body := func(i, worker int) {
		y, grad := m.Out[i*c:(i+1)*c], m.Scratch[worker*c:(worker+1)*c]
		clear(y)
		clear(grad)
		e.Kernels.ColSum(y, perImage(m.In[0], i, images))
		e.Kernels.ColSum(grad, perImage(m.In[1], i, images))
		e.Kernels.Mul(y, y, grad)
		e.Kernels.Scale(y, 1/(pixels*pixels), y)
	}
	return graph.Loop{Scratch: e.Pool.Threads() * c, Run: func() { e.Pool.Run(images, body) }}
}

// ChannelStats is what pruning keeps of an activation: for each image four blocks of C values,
// over its pixels the mean, the maximum, the share of positive values and the standard
// deviation (divided by the number of pixels).
//
//	a  N×…×C
//	y  N×4C
type ChannelStats struct{}

// Kind is ChannelStats.
func (ChannelStats) Kind() string { return "ChannelStats" }

// Infer is N×4C.
func (ChannelStats) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) < 2 {
		return nil, fmt.Errorf("inputs %v, want one activation N×…×C", in)
	}
	return tensor.Shape{in[0][0], 4 * in[0].Channels()}, nil
}

// Lower goes image by image, two passes each: the second for deviations from the mean.
func (ChannelStats) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, c := n.Shape[0], n.Shape[1]/4
	size := n.In[0].Shape.Elems() / images
	block := min(size, max(1, statsBlock/c)*c)
	ones, marks := make([]float32, block), make([]float32, images*block)
	e.Kernels.Fill(ones, 1)
	body := func(i, _ int) {
		a, y := m.In[0][i*size:(i+1)*size], m.Out[i*4*c:(i+1)*4*c]
		mean, top, positive, std := y[:c], y[c:2*c], y[2*c:3*c], y[3*c:]
		clear(mean)
		e.Kernels.ColSum(mean, a)
		highest(a, top)
		countPositive(e, positive, a, ones, marks[i*block:(i+1)*block])
		pixels := float32(size / c)
		e.Kernels.Scale(mean, 1/pixels, mean)
		e.Kernels.Scale(positive, 1/pixels, positive)
		statsSpread(a, mean, std)
		for j, v := range std {
			std[j] = float32(math.Sqrt(float64(v / pixels)))
		}
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}

// statsBlock is about how many values are marked at once: they stay in the first cache.
const statsBlock = 2048

// highest is the maximum of each channel of a.
func highest(a, top []float32) {
	c := len(top)
	copy(top, a[:c])
	for a = a[c:]; len(a) >= c; a = a[c:] {
		for j, v := range a[:c] {
			top[j] = max(top[j], v)
		}
	}
}

// countPositive is the number of positive values of each channel of a. Values are marked by 1 and the marks added up: a
// branch on values that are positive or not by chance costs more than all the rest.
//
//	ones   block, all 1
//	marks  block, scratch
func countPositive(e *graph.Env, count, a, ones, marks []float32) {
	clear(count)
	for len(a) > 0 {
		n := min(len(a), len(ones))
		e.Kernels.ClipGrad(marks[:n], ones[:n], a[:n], 0, float32(math.Inf(1)))
		e.Kernels.ColSum(count, marks[:n])
		a = a[n:]
	}
}

// statsSpread is the sum of squared deviations from the mean of each channel of a.
func statsSpread(a, mean, sum []float32) {
	c := len(sum)
	clear(sum)
	for ; len(a) >= c; a = a[c:] {
		for j, v := range a[:c] {
			d := v - mean[j]
			sum[j] += d * d
		}
	}
}
