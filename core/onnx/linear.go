package onnx

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// matrix is the constant right side of a Gemm or MatMul: the element of v for row o and column k
// of the weight O×K lies at o·so + k·sk.
type matrix struct {
	v          *value
	o, k       int
	so, sk     int
	scale      float32
	transposed bool
}

func newMatrix(v *value, transposed bool, scale float32) (matrix, error) {
	if v.data == nil || len(v.shape) != 2 {
		return matrix{}, fmt.Errorf("input %q of shape %v is not a constant matrix, which is wanted here", v.name, v.shape)
	}
	r, c := v.shape[0], v.shape[1]
	if r < 1 || c < 1 {
		return matrix{}, fmt.Errorf("matrix %q is empty: shape %v", v.name, v.shape)
	}
	if transposed {
		return matrix{v, r, c, c, 1, scale, true}, nil
	}
	return matrix{v, c, r, 1, c, scale, false}, nil
}

// matrixLeaf is the weight of shape s, O×K or O×1×1×K. Its columns are reordered so that column columns[k] is column k of
// ONNX's; nil keeps them.
func (im *importer) matrixLeaf(m matrix, columns []int32, s tensor.Shape) (*graph.Node, error) {
	layout := fmt.Sprint("matrix", m.transposed, m.scale)
	if columns != nil {
		layout += fmt.Sprintf(" %p", &columns[0])
	}
	return im.leaf(m.v, graph.Param, s, layout, func(out []float32) {
		for o := range m.o {
			for k := range m.k {
				to := k
				if columns != nil {
					to = int(columns[k])
				}
				out[o*m.k+to] = m.v.data.floats[o*m.so+k*m.sk] * m.scale
			}
		}
	})
}

// biasLeaf is the bias of n values, spread if it is a scalar.
func (im *importer) biasLeaf(v *value, n int, scale float32) (*graph.Node, error) {
	if v.data == nil {
		return nil, fmt.Errorf("input %q is not a constant, which is wanted here", v.name)
	}
	want := []int{1, n}
	if shape, err := broadcast(v.shape, want); err != nil || !slices.Equal(shape, want) {
		return nil, fmt.Errorf("bias %q has shape %v, want %d values", v.name, v.shape, n)
	}
	pick, err := im.spread(v.shape, want)
	if err != nil {
		return nil, err
	}
	return im.leaf(v, graph.Param, tensor.Shape{n}, fmt.Sprint("bias", scale), func(out []float32) {
		for i, p := range pick {
			out[i] = v.data.floats[p] * scale
		}
	})
}

// gemm is Gemm with constant B and C: alpha and beta go into weight and bias.
func gemm(c *call) error {
	alpha, err := c.n.Float("alpha", 1)
	if err != nil {
		return err
	}
	beta, err := c.n.Float("beta", 1)
	if err != nil {
		return err
	}
	transA, err := c.flag("transA", 0)
	if err != nil {
		return err
	}
	if transA {
		return fmt.Errorf("transA is 1, want 0")
	}
	transB, err := c.flag("transB", 0)
	if err != nil {
		return err
	}
	m, err := newMatrix(c.in[1], transB, alpha)
	if err != nil {
		return err
	}
	return c.product(m, c.input(2), beta)
}

// matMul is MatMul by a constant matrix, with the bias of the Add behind it as input 2.
func matMul(c *call) error {
	m, err := newMatrix(c.in[1], false, 1)
	if err != nil {
		return err
	}
	if len(c.in[0].shape) > 2 {
		return c.rows(m)
	}
	return c.product(m, c.input(2), 1)
}

// linear is what fuse makes of MatMul and Add.
var linear = operator{min: 3, max: 3, run: matMul}

// product gives x·wᵀ + b for x of rank 2.
func (c *call) product(m matrix, bias *value, beta float32) error {
	v := c.in[0]
	if len(v.shape) != 2 || v.shape[1] != m.k {
		return fmt.Errorf("input %q has shape %v, want 1×%d", v.name, v.shape, m.k)
	}
	x, columns, err := c.flat(v)
	if err != nil {
		return err
	}
	w, err := c.matrixLeaf(m, columns, tensor.Shape{m.o, m.k})
	if err != nil {
		return err
	}
	in := []*graph.Node{x, w}
	if bias != nil {
		b, err := c.biasLeaf(bias, m.o, beta)
		if err != nil {
			return err
		}
		in = append(in, b)
	}
	return c.give(op.Gemm{}, plain(2), in...)
}

// flat is v, 1×K, as a node whose memory may be in another order: column k of v is element
// columns[k]. A flattened image is used as it lies, N×H×W×C, and the weight follows; so its
// channels stay together and can be pruned.
func (im *importer) flat(v *value) (*graph.Node, []int32, error) {
	if v.data != nil || v.index == nil || inOrder(v.index) || !isPermutation(v.index, v.node.Shape) {
		n, err := im.at(v, plain(2))
		return n, nil, err
	}
	const key = "flat"
	if n := v.made[key]; n != nil {
		return n, v.index, nil
	}
	n, err := im.g.Try(im.fresh(v.name+".nhwc"), op.Reshape{Dims: []int{len(v.index)}}, v.node)
	v.made[key] = n
	return n, v.index, err
}

// isPermutation reports whether index names every element of a tensor of shape s once.
func isPermutation(index []int32, s tensor.Shape) bool {
	if len(index) != s.Elems() {
		return false
	}
	seen := make([]bool, len(index))
	for _, i := range index {
		if seen[i] {
			return false
		}
		seen[i] = true
	}
	return true
}

// rows multiplies every row of a tensor of rank above 2: a 1×1 convolution over 1×rows.
func (c *call) rows(m matrix) error {
	v := c.in[0]
	last := len(v.shape) - 1
	if v.shape[last] != m.k {
		return fmt.Errorf("input %q has shape %v, want rows of %d", v.name, v.shape, m.k)
	}
	n, err := elems(v.shape)
	if err != nil || v.shape[0] != 1 {
		return fmt.Errorf("input %q has shape %v, want the batch (1) as its first axis", v.name, v.shape)
	}
	lines, err := c.move(v, c.fresh(v.name+".rows"), []int{1, 1, n / m.k, m.k}, nil)
	if err != nil {
		return err
	}
	x, err := c.at(lines, plain(4))
	if err != nil {
		return err
	}
	w, err := c.matrixLeaf(m, nil, tensor.Shape{m.o, 1, 1, m.k})
	if err != nil {
		return err
	}
	in := []*graph.Node{x, w}
	if b := c.input(2); b != nil {
		bn, err := c.biasLeaf(b, m.o, 1)
		if err != nil {
			return err
		}
		in = append(in, bn)
	}
	one := [2]int{1, 1}
	y, err := c.emit(c.fresh(c.name()+".rows"), op.Conv{Stride: one, Dilation: one, Groups: 1}, plain(4), in...)
	if err != nil {
		return err
	}
	shape := append(append([]int{}, v.shape[:last]...), m.o)
	out, err := c.move(y, c.name(), shape, nil)
	if err == nil {
		c.put(0, out)
	}
	return err
}
