package detect

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// priorSizes is the sides in pixels of UltraFace's priors on each of its levels, and strides the levels' (github.com/Linzaer/
// Ultra-Light-Fast-Generic-Face-Detector-1MB, vision/ssd/config/fd_config.py).
var (
	priorSizes   = [][]float32{{10, 16, 24}, {32, 48}, {64, 96}, {128, 192, 256}}
	priorStrides = []int{8, 16, 32, 64}
)

// What the offsets of an SSD are in units of (Liu et al., ECCV 2016, 1512.02325).
const (
	centreVariance = 0.1
	sizeVariance   = 0.2
)

// priors are the centres in pixels, A×4 x, y, x, y, and the sides, A×2; both are cut to the picture as shares of it.
func priors(width, height int) (centres, sides []float32) {
	for k, stride := range priorStrides {
		columns, rows := (width+stride-1)/stride, (height+stride-1)/stride
		for i := range rows * columns {
			x := min((float32(i%columns)+0.5)/float32(columns), 1) * float32(width)
			y := min((float32(i/columns)+0.5)/float32(rows), 1) * float32(height)
			for _, s := range priorSizes[k] {
				centres = append(centres, x, y, x, y)
				sides = append(sides, min(s, float32(width)), min(s, float32(height)))
			}
		}
	}
	return centres, sides
}

// ultraFace reads the scores of background and face, and offsets to priors.
func (a *answers) ultraFace() error {
	centres, sides := priors(a.width, a.height)
	n := len(sides) / 2
	if len(a.Outputs) != 2 || !is(a.Outputs[0], n, 2) || !is(a.Outputs[1], n, 4) {
		return fmt.Errorf("the outputs are %s, want scores N×%d×2 and boxes N×%d×4 for a picture of %d×%d", shapes(a.Outputs), n, n, a.width, a.height)
	}
	scores, offsets := a.Outputs[0], a.Outputs[1]
	if _, ok := scores.Op.(op.Softmax); !ok {
		return fmt.Errorf("the scores come from %s, want a Softmax", scores.Op.Kind())
	}
	if _, ok := offsets.Op.(op.Concat); !ok || a.decodes(offsets) {
		return fmt.Errorf("the boxes are decoded in the graph; want the simplified file, whose boxes are offsets to priors")
	}
	face, ground := a.add("face", op.Slice{Axis: 2, Start: 1, Count: 1}, scores.In[0]), a.add("ground", op.Slice{Axis: 2, Count: 1}, scores.In[0])
	logits := a.Add(Logits, op.Sub{}, face, ground)

	size := a.Leaf(foreign+"sides", graph.Const, tensor.Shape{1, n, 2}, sides)
	moved := a.times("moved", a.add("centre", op.Slice{Axis: 2, Count: 2}, offsets), centreVariance)
	moved = a.add("moved.pixels", op.Mul{}, moved, size)
	half := a.times("half.log", a.add("size", op.Slice{Axis: 2, Start: 2, Count: 2}, offsets), sizeVariance)
	half = a.times("half", a.add("half.exp", op.Exp{}, half), 0.5)
	half = a.add("half.pixels", op.Mul{}, half, size)
	a.Outputs = []*graph.Node{logits, a.boxes(moved, half, centres)}
	return nil
}

func is(n *graph.Node, rows, width int) bool {
	return len(n.Shape) == 3 && n.Shape[1] == rows && n.Shape[2] == width
}

// decodes reports whether sizes were made of offsets already.
func (a *answers) decodes(boxes *graph.Node) bool {
	for i, need := range a.Need(boxes) {
		if _, ok := a.Nodes[i].Op.(op.Exp); ok && need {
			return true
		}
	}
	return false
}
