package train

import (
	"fmt"
	"maps"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// Part says which parameters a fine-tuning changes.
type Part string

const (
	Head   Part = "head"   // the classifier, or a detector's head, alone
	Full   Part = "full"   // everything
	Bias   Part = "bias"   // biases and batch-norm shifts, and the head (BitFit, Zaken 2022; TinyTL, Cai 2020)
	Sparse Part = "sparse" // all biases, and the weights of the last third of the layers (Lin 2022, 2206.15472)
	Suffix Part = "suffix" // the last third of the layers, behind a frozen prefix whose features are cached
	Auto   Part = "auto"   // the first of full, sparse, bias, head that fits the memory budget
)

// Parts are the values of --train.
var Parts = []Part{Head, Full, Bias, Sparse, Suffix, Auto}

// ParsePart reads a value of --train.
func ParsePart(s string) (Part, error) {
	names := make([]string, len(Parts))
	for i, p := range Parts {
		if string(p) == s {
			return p, nil
		}
		names[i] = string(p)
	}
	return "", fmt.Errorf("unknown part %q to train, want one of %s", s, strings.Join(names, ", "))
}

// params names the parameters of g that the part trains, in order.
func (p Part) params(g *graph.Graph) []string {
	trains := taskOf(g).head(g)
	if p == Bias || p == Sparse {
		maps.Copy(trains, biases(g))
	}
	if p == Sparse {
		maps.Copy(trains, lastWeights(g))
	}
	var names []string
	for _, n := range g.Role(graph.Param) {
		if p == Full || trains[n] {
			names = append(names, n.Name)
		}
	}
	return names
}

// biases marks what is added to channels: the gradient of a shift needs no activation, that of a
// scale does.
func biases(g *graph.Graph) map[*graph.Node]bool {
	mark := map[*graph.Node]bool{}
	for _, n := range g.Nodes {
		switch n.Op.(type) {
		case op.Conv, op.Depthwise, op.Gemm, op.BatchNormalization:
			if len(n.In) > 2 {
				mark[n.In[2]] = true
			}
		case op.Add:
			for _, in := range n.In {
				mark[in] = mark[in] || in.Is(graph.Param)
			}
		}
	}
	return mark
}

// lastWeights marks the weights of the last third of the convolutions and Gemms.
func lastWeights(g *graph.Graph) map[*graph.Node]bool {
	var ws []*graph.Node
	for _, n := range g.Nodes {
		switch n.Op.(type) {
		case op.Conv, op.Depthwise, op.Gemm:
			ws = append(ws, n.In[1])
		}
	}
	mark := map[*graph.Node]bool{}
	for _, w := range ws[len(ws)*2/3:] {
		mark[w] = true
	}
	return mark
}
