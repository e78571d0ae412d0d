package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// BatchNormClip is a batch normalization with what follows it, a residual and an activation, in
// one pass: y = min(max((x-mean)·γ/√(var+ε) + β + r, Min), Max). Its gradient works the mask of
// the activation out from x again, so that neither the normalized tensor nor y need be kept.
// Plans do this; models never hold such an op.
//
//	x                       N×…×C
//	gamma, beta, mean, var  C
//	r                       N×…×C, absent where there is none
type BatchNormClip struct {
	Eps, Min, Max float32
	Frozen        bool // the statistics are constants, not those of x
}

// FuseNorm is a batch normalization as an op to which a residual and an activation can be added.
func FuseNorm(o graph.Op) (BatchNormClip, bool) {
	switch o := o.(type) {
	case BatchNormTrain:
		return BatchNormClip{Eps: o.Eps, Min: -infinity, Max: infinity}, true
	case BatchNormalization:
		return BatchNormClip{Eps: o.Eps, Min: -infinity, Max: infinity, Frozen: true}, true
	}
	return BatchNormClip{}, false
}

// With is the op with an activation behind it, where that is a Relu or Clip.
func (b BatchNormClip) With(act graph.Op) (BatchNormClip, bool) {
	switch a := act.(type) {
	case Relu:
		b.Min, b.Max = 0, infinity
	case Clip:
		b.Min, b.Max = a.Min, a.Max
	default:
		return b, false
	}
	return b, true
}

// Kind names what is in it.
func (b BatchNormClip) Kind() string {
	kind := "BatchNormTrain"
	if b.Frozen {
		kind = "BatchNormalization"
	}
	if b.Min > -infinity || b.Max < infinity {
		kind += "+Clip"
	}
	return kind
}

// Infer is the shape of x.
func (b BatchNormClip) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) == 6 {
		if !in[5].Equal(in[0]) {
			return nil, fmt.Errorf("residual %v for %v, want the same shape", in[5], in[0])
		}
		in = in[:5]
	}
	if err := bnInfer(in, 5, b.Eps); err != nil {
		return nil, err
	}
	return Clip{b.Min, b.Max}.Infer(in[:1])
}

// InPlace lets the output take the memory of x or of the residual.
func (BatchNormClip) InPlace() []int { return []int{0, 5} }

// Lower is one pass.
func (b BatchNormClip) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, rows := n.Shape.Channels(), n.Shape.Rows()
	parts := bnParts(rows, c)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		y, x := m.Out[lo*c:hi*c], m.In[0][lo*c:hi*c]
		if len(m.In) == 6 {
			e.Kernels.NormalizeAdd(y, x, m.In[5][lo*c:hi*c], m.In[3], m.Scratch[:c], m.In[2], b.Min, b.Max)
			return
		}
		e.Kernels.Normalize(y, x, m.In[3], m.Scratch[:c], m.In[2], b.Min, b.Max)
	}
	return graph.Loop{Scratch: c, Run: func() {
		bnScale(m.Scratch[:c], m.In[1], m.In[4], b.Eps)
		e.Pool.Run(parts, body)
	}}
}

// Grad masks by y where a residual came in: its gradient is the masked one. Else by x.
func (b BatchNormClip) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, len(n.In))
	if noneWanted(want) {
		return grads
	}
	if len(n.In) == 6 {
		if act := (ClipGrad{b.Min, b.Max}); act != (ClipGrad{-infinity, infinity}) {
			dy = g.Add(n.Name+".dz", act, dy, n)
		}
		if b.Min, b.Max = -infinity, infinity; want[5] {
			grads[5] = dy
		}
	}
	copy(grads, b.grads(g, n, dy, want))
	return grads
}

// grads are those of x, gamma and beta.
func (b BatchNormClip) grads(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 3)
	in := append([]*graph.Node{dy}, n.In[:5]...)
	var sums *graph.Node
	if want[1] || want[2] || want[0] && !b.Frozen {
		sums = g.Add(n.Name+".sums", BatchNormSums{b.Eps, b.Min, b.Max}, in...)
	}
	if want[1] {
		grads[1] = g.Add(n.Name+".dgamma", Row{1}, sums)
	}
	if want[2] {
		grads[2] = g.Add(n.Name+".dbeta", Row{0}, sums)
	}
	if !want[0] {
		return grads
	}
	if !b.Frozen {
		in = append(in, sums)
	}
	grads[0] = g.Add(n.Name+".dx", BatchNormClipGrad(b), in...)
	return grads
}

// BatchNormSums is dβ = Σ dz and dγ = Σ dz·x̂ over pixels in one pass, where x̂ is
// (x-mean)/√(var+ε), z = γ·x̂ + β, and dz = dy where Min < z < Max, else 0.
//
//	sums                    2×C: dβ, dγ
//	dy, x                   N×…×C
//	gamma, beta, mean, var  C
type BatchNormSums struct{ Eps, Min, Max float32 }

// Kind is BatchNormSums.
func (BatchNormSums) Kind() string { return "BatchNormSums" }

// Infer is two rows of C.
func (b BatchNormSums) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 6 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("inputs %v, want dy and x of one shape, gamma, beta, mean, var", in)
	}
	if _, err := (BatchNormClip{Eps: b.Eps, Min: b.Min, Max: b.Max}).Infer(in[1:]); err != nil {
		return nil, err
	}
	return tensor.Shape{2, in[0].Channels()}, nil
}

// Lower has γ/√(var+ε) in its scratch, and sums of each part.
func (b BatchNormSums) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, rows := n.Shape[1], n.In[0].Shape.Rows()
	parts := statsParts(rows, c)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		s := m.Scratch[c+part*2*c:][:2*c]
		clear(s)
		e.Kernels.NormalizeSums(s[:c], s[c:], m.In[0][lo*c:hi*c], m.In[1][lo*c:hi*c], m.In[4], m.Scratch[:c], m.In[3], b.Min, b.Max)
	}
	return graph.Loop{Scratch: c + parts*2*c, Run: func() {
		bnScale(m.Scratch[:c], m.In[2], m.In[5], b.Eps)
		e.Pool.Run(parts, body)
		b.join(m.Out, m.Scratch[c:c+parts*2*c], m.In[5])
	}}
}

// join adds the sums of parts in their order.
func (b BatchNormSums) join(sums, parts, variance []float32) {
	colReduce(sums, parts, 1)
	dgamma := sums[len(sums)/2:]
	for j, v := range variance {
		dgamma[j] = float32(float64(dgamma[j]) * bnInverse(v, b.Eps))
	}
}

// BatchNormClipGrad is the gradient of BatchNormClip for x. With M rows, x̂ and dz as in
// BatchNormSums it is dx = γ/√(var+ε)·(dz - dβ/M - x̂·dγ/M), or the first term alone where the
// statistics are constants.
//
//	dx, dy, x               N×…×C
//	gamma, beta, mean, var  C
//	sums                    2×C, absent where frozen
type BatchNormClipGrad struct {
	Eps, Min, Max float32
	Frozen        bool
}

// Kind is BatchNormClipGrad.
func (BatchNormClipGrad) Kind() string { return "BatchNormClipGrad" }

// Infer is the shape of x.
func (b BatchNormClipGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	want := 7
	if b.Frozen {
		want = 6
	}
	if len(in) != want {
		return nil, fmt.Errorf("%d inputs, want %d: dy, x, gamma, beta, mean, var and of trained ones sums", len(in), want)
	}
	sums, err := BatchNormSums{b.Eps, b.Min, b.Max}.Infer(in[:6])
	if err != nil {
		return nil, err
	}
	if !b.Frozen && !sums.Equal(in[6]) {
		return nil, fmt.Errorf("sums %v, want %v", in[6], sums)
	}
	return in[0].Clone(), nil
}

// InPlace lets dx take the memory of dy or of x.
func (BatchNormClipGrad) InPlace() []int { return []int{0, 1} }

// Lower makes three vectors of C, then dx = dz·scale + (x-mean)·slope + shift in one pass.
func (b BatchNormClipGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, rows := n.Shape.Channels(), n.Shape.Rows()
	parts := bnParts(rows, c)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		scale, slope, shift := m.Scratch[:c], m.Scratch[c:2*c], m.Scratch[2*c:3*c]
		e.Kernels.NormalizeGrad(m.Out[lo*c:hi*c], m.In[0][lo*c:hi*c], m.In[1][lo*c:hi*c], m.In[4], scale, m.In[3], slope, shift, b.Min, b.Max)
	}
	return graph.Loop{Scratch: 3 * c, Run: func() {
		b.vectors(m, c, float64(rows))
		e.Pool.Run(parts, body)
	}}
}

// vectors fills scale = γ/σ, slope = -γ·dγ/(M·σ²) and shift = -γ·dβ/(M·σ).
func (b BatchNormClipGrad) vectors(m *graph.Mem, c int, rows float64) {
	scale, slope, shift := m.Scratch[:c], m.Scratch[c:2*c], m.Scratch[2*c:3*c]
	bnScale(scale, m.In[2], m.In[5], b.Eps)
	if b.Frozen {
		clear(m.Scratch[c : 3*c])
		return
	}
	dbeta, dgamma := m.In[6][:c], m.In[6][c:]
	for j, v := range m.In[5] {
		inv := bnInverse(v, b.Eps)
		s := float64(m.In[2][j]) * inv / rows
		slope[j] = float32(-s * inv * float64(dgamma[j]))
		shift[j] = float32(-s * float64(dbeta[j]))
	}
}
