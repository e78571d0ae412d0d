package onnx

import "github.com/secateur/secateur/core/onnx/wire"

// fuse pairs nodes that are one op of ours: x·Sigmoid(x) is Silu, MatMul and Add of a bias Gemm.
func (im *importer) fuse(nodes []*wire.Node) []step {
	made := maker{}
	for _, n := range nodes {
		for _, out := range n.Outputs {
			made[out] = n
		}
	}
	var steps []step
	gone := map[*wire.Node]bool{}
	for _, n := range nodes {
		s := step{n, operators[n.OpType]}
		if f, dropped := im.pair(made, n); dropped != nil {
			s, gone[dropped] = f, true
		}
		steps = append(steps, s)
	}
	kept := steps[:0]
	for _, s := range steps {
		if !gone[s.n] {
			kept = append(kept, s)
		}
	}
	return kept
}

// pair returns the step that stands for n and the node before it, and that node; nil if n is
// not the second of a pair.
func (im *importer) pair(made maker, n *wire.Node) (step, *wire.Node) {
	if len(n.Inputs) != 2 || len(n.Outputs) != 1 {
		return step{}, nil
	}
	for i, in := range n.Inputs {
		other := n.Inputs[1-i]
		p := made[in]
		if p == nil || im.uses[in] != 1 || len(p.Outputs) != 1 {
			continue
		}
		switch {
		case n.OpType == "Mul" && p.OpType == "Sigmoid" && len(p.Inputs) == 1 && p.Inputs[0] == other:
			return step{&wire.Node{Name: n.Name, OpType: "Mul", Inputs: p.Inputs, Outputs: n.Outputs}, silu}, p
		case n.OpType == "Add" && p.OpType == "MatMul" && im.isBias(p, other):
			in := []string{p.Inputs[0], p.Inputs[1], other}
			return step{&wire.Node{Name: p.Name, OpType: "MatMul", Inputs: in, Outputs: n.Outputs}, linear}, p
		}
	}
	return step{}, nil
}

// isBias reports whether the tensor is one value for each column of the matrix of a MatMul.
func (im *importer) isBias(matMul *wire.Node, name string) bool {
	if len(matMul.Inputs) != 2 {
		return false
	}
	w, b := im.inits[matMul.Inputs[1]], im.inits[name]
	return w != nil && b != nil && len(w.Dims) == 2 && len(b.Dims) == 1 && b.Dims[0] == w.Dims[1]
}
