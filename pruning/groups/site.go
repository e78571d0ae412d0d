package groups

import (
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// Site is a dense weight where an op uses it: Conv with groups 1, or Gemm.
type Site struct {
	Op     *graph.Node
	Weight *graph.Node
	Norm   *graph.Node // the BatchNormalization that alone reads the op, nil without one
	Axis   int         // of the weight: 0 produces, the last one reads
}

// FoldScale is γ/√(σ²+ε) of the batch norm behind the site, by output; nil without one.
func (s Site) FoldScale() []float64 {
	if s.Norm == nil || !s.Norm.In[1].IsLeaf() || !s.Norm.In[4].IsLeaf() {
		return nil
	}
	eps := float64(s.Norm.Op.(op.BatchNormalization).Eps)
	gamma, variance := s.Norm.In[1].Value, s.Norm.In[4].Value
	scale := make([]float64, len(gamma))
	for i := range scale {
		scale[i] = float64(gamma[i]) / math.Sqrt(math.Max(float64(variance[i]), 0)+eps)
	}
	return scale
}
