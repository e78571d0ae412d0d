package detect

import (
	"fmt"
	"strconv"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Foreign is a family of imported detectors.
type Foreign struct {
	Name       string
	Preprocess graph.Preprocess // as it was trained, where the file does not say
	Score      float64          // from which on its authors' examples let boxes count
	answers    func(*answers) error
}

// Families are the detectors that can be imported. Their answers become logits and boxes of our kind by nodes behind them, so
// that their own heads are measured, trained, pruned and exported as ours are.
func Families() []Foreign {
	return []Foreign{
		{"fastestdet", graph.Preprocess{Std: [3]float32{255, 255, 255}, BGR: true}, 0.65, (*answers).fastestDet},
		{"ultraface", graph.Preprocess{Mean: [3]float32{127, 127, 127}, Std: [3]float32{128, 128, 128}}, 0.6, (*answers).ultraFace},
	}
}

// Convert gives an imported detector our outputs. Classes get names if it has none.
func (f Foreign) Convert(imported *graph.Graph) (*graph.Graph, error) {
	a := &answers{Graph: imported.Copy()}
	in := a.Role(graph.Input)
	if len(in) != 1 || len(in[0].Shape) != 4 {
		return nil, fmt.Errorf("%s: %d inputs, want one picture", f.Name, len(in))
	}
	a.height, a.width = in[0].Shape[1], in[0].Shape[2]
	if err := f.answers(a); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	classes := a.Outputs[0].Shape[2]
	if n := len(a.Labels()); n != classes && n != 0 {
		return nil, fmt.Errorf("%s: %d labels for %d classes", f.Name, n, classes)
	}
	if a.Labels() == nil {
		a.SetLabels(numbered(classes))
	}
	a.SetThreshold(f.Score)
	g, _, err := a.Sub(nil, a.Outputs) // without what only the old outputs needed
	return g, err
}

func numbered(n int) []string {
	if n == 1 {
		return []string{"face"}
	}
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// answers adds nodes behind a detector's own outputs.
type answers struct {
	*graph.Graph
	height, width int // of the input
}

// foreign begins the names of the nodes that are added.
const foreign = "answers."

func (a *answers) add(name string, o graph.Op, in ...*graph.Node) *graph.Node {
	return a.Add(foreign+name, o, in...)
}

// times multiplies by one number.
func (a *answers) times(name string, x *graph.Node, by float32) *graph.Node {
	one := tensor.Shape{1, 1, 1}
	return a.add(name, op.Mul{}, x, a.Leaf(foreign+name+".by", graph.Const, one, []float32{by}))
}

// rows is N×H×W×C as N×(H·W)×C.
func (a *answers) rows(name string, x *graph.Node) *graph.Node {
	return a.add(name, op.Reshape{Dims: []int{x.Shape[1] * x.Shape[2], x.Shape[3]}}, x)
}

// boxes is the edges around centres that are moved, in pixels.
//
//	moved, half  N×A×2
//	centres      A×4  x, y, x, y
func (a *answers) boxes(moved, half *graph.Node, centres []float32) *graph.Node {
	low, high := a.add("low", op.Sub{}, moved, half), a.add("high", op.Add{}, moved, half)
	both := a.add("edges", op.Concat{Axis: 2}, low, high)
	return a.Add(Boxes, op.Add{}, both, a.Leaf(Centres, graph.Const, tensor.Shape{1, len(centres) / 4, 4}, centres))
}

// fastestDet reads one map of objectness, box and classes (github.com/dog-qiuqiu/FastestDet): the score is
// objectness^0.6 · class^0.4, the centre the cell's corner moved by tanh cells, the size a sigmoid of the picture's.
func (a *answers) fastestDet() error {
	if len(a.Outputs) != 1 || len(a.Outputs[0].In) != 3 || len(a.Outputs[0].Shape) != 4 {
		return fmt.Errorf("the outputs are %s, want one map that joins objectness, boxes and classes", shapes(a.Outputs))
	}
	parts := a.Outputs[0].In
	if parts[0].Shape.Channels() != 1 || parts[1].Shape.Channels() != 4 {
		return fmt.Errorf("the output joins %s, want 1, 4 and any number of channels", shapes(parts))
	}
	object, box, class := a.rows("object", parts[0]), a.rows("box", parts[1]), a.rows("class", parts[2])
	rows, columns := parts[0].Shape[1], parts[0].Shape[2]
	pitch := [2]float32{float32(a.width) / float32(columns), float32(a.height) / float32(rows)}

	log := a.add("log.score", op.Add{}, a.share("class", class, 0.4), a.share("object", object, 0.6))
	a.Outputs = []*graph.Node{a.logit(log)}

	moved := a.add("moved", op.Tanh{}, a.add("box.centre", op.Slice{Axis: 2, Count: 2}, box))
	moved = a.add("moved.less", op.Sub{}, moved, a.Leaf(foreign+"middle", graph.Const, tensor.Shape{1, 1, 1}, []float32{0.5}))
	moved = a.pair("moved.pixels", moved, pitch)
	half := a.add("half", op.Sigmoid{}, a.add("box.size", op.Slice{Axis: 2, Start: 2, Count: 2}, box))
	half = a.pair("half.pixels", half, [2]float32{float32(a.width) / 2, float32(a.height) / 2})
	var centres []float32
	for i := range rows * columns {
		x, y := (float32(i%columns)+0.5)*pitch[0], (float32(i/columns)+0.5)*pitch[1]
		centres = append(centres, x, y, x, y)
	}
	a.Outputs = append(a.Outputs, a.boxes(moved, half, centres))
	return nil
}

// smallest keeps the logarithm of a share finite, certainly that of what is missing from a score of 1.
const (
	smallest  = 1e-30
	certainly = 1e-7
)

// share is power·ln x.
func (a *answers) share(name string, x *graph.Node, power float32) *graph.Node {
	x = a.add(name+".clip", op.Clip{Min: smallest, Max: 1}, x)
	return a.times(name+".share", a.add(name+".log", op.Log{}, x), power)
}

// logit is ln(s/(1-s)) of ln s.
func (a *answers) logit(log *graph.Node) *graph.Node {
	one := a.Leaf(foreign+"one", graph.Const, tensor.Shape{1, 1, 1}, []float32{1})
	rest := a.add("rest", op.Sub{}, one, a.add("score", op.Exp{}, log))
	rest = a.add("rest.clip", op.Clip{Min: certainly, Max: 1}, rest)
	return a.Add(Logits, op.Sub{}, log, a.add("rest.log", op.Log{}, rest))
}

// pair multiplies x and y by a number each.
func (a *answers) pair(name string, x *graph.Node, by [2]float32) *graph.Node {
	return a.add(name, op.Mul{}, x, a.Leaf(foreign+name+".by", graph.Const, tensor.Shape{1, 1, 2}, by[:]))
}
