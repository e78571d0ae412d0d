package onnx

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx/wire"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

type attrs = map[string]*wire.Attr

// writers says by kind how an op of ours is written. Kinds that are not here exist in training
// only.
var writers = map[string]func(*exporter, *graph.Node) error{
	"Conv":               writeConv,
	"Depthwise":          writeDepthwise,
	"Gemm":               writeGemm,
	"MaxPool":            writeMaxPool,
	"AveragePool":        writeAveragePool,
	"GlobalAveragePool":  writePlain,
	"Resize":             writeResize,
	"Pad":                writePad,
	"BatchNormalization": writeBatchNorm,
	"LRN":                writeLRN,
	"Softmax":            writeSoftmax,
	"LogSoftmax":         writeSoftmax,
	"Relu":               writePlain,
	"Sigmoid":            writePlain,
	"Tanh":               writePlain,
	"Exp":                writePlain,
	"Log":                writePlain,
	"Neg":                writePlain,
	"Identity":           writePlain,
	"HardSwish":          writeHardSwish,
	"Silu":               writeSilu,
	"Clip":               writeClip,
	"LeakyRelu":          writeLeakyRelu,
	"HardSigmoid":        writeHardSigmoid,
	"PRelu":              writePRelu,
	"Dropout":            writeDropout,
	"Add":                writeBinary,
	"Sub":                writeBinary,
	"Mul":                writeBinary,
	"Div":                writeBinary,
	"Max":                writeBinary,
	"Min":                writeBinary,
	"Concat":             writeConcat,
	"ReduceMean":         writeReduceMean,
	"Slice":              writeSlice,
	"Gather":             writeGather,
	"Reshape":            writeReshape,
	"Transpose":          writeTranspose,
	"Rearrange":          writeRearrange,
}

func (x *exporter) node(n *graph.Node) error { return writers[n.Op.Kind()](x, n) }

// tensors are the inputs of n as ONNX sees them.
func (x *exporter) tensors(n *graph.Node) []string {
	names := make([]string, len(n.In))
	for i, in := range n.In {
		names[i] = x.tensor(in)
	}
	return names
}

// writePlain is an operator that ONNX has under the same name, without attributes.
func writePlain(x *exporter, n *graph.Node) error {
	x.emit(n.Op.Kind(), n.Name, x.tensors(n), nil)
	return nil
}

func pairAttr(p [2]int) *wire.Attr {
	return wire.IntsAttr(int64(max(1, p[0])), int64(max(1, p[1])))
}

func padsAttr(p [4]int) *wire.Attr {
	return wire.IntsAttr(int64(p[0]), int64(p[1]), int64(p[2]), int64(p[3]))
}

func boolAttr(b bool) *wire.Attr {
	if b {
		return wire.IntAttr(1)
	}
	return wire.IntAttr(0)
}

func writeConv(x *exporter, n *graph.Node) error {
	o := n.Op.(op.Conv)
	return x.conv(n, o.Stride, o.Dilation, o.Pads, max(1, o.Groups))
}

func writeDepthwise(x *exporter, n *graph.Node) error {
	o := n.Op.(op.Depthwise)
	return x.conv(n, o.Stride, o.Dilation, o.Pads, n.In[0].Shape.Channels())
}

func (x *exporter) conv(n *graph.Node, stride, dilation [2]int, pads [4]int, groups int) error {
	w := n.In[1].Shape
	x.emit("Conv", n.Name, x.tensors(n), attrs{
		"kernel_shape": pairAttr([2]int{w[1], w[2]}), "strides": pairAttr(stride),
		"dilations": pairAttr(dilation), "pads": padsAttr(pads), "group": wire.IntAttr(int64(groups)),
	})
	return nil
}

func writeGemm(x *exporter, n *graph.Node) error {
	x.emit("Gemm", n.Name, x.tensors(n), attrs{"transB": wire.IntAttr(1)})
	return nil
}

func writeMaxPool(x *exporter, n *graph.Node) error {
	o := n.Op.(op.MaxPool)
	x.emit("MaxPool", n.Name, x.tensors(n), attrs{
		"kernel_shape": pairAttr(o.Kernel), "strides": pairAttr(o.Stride), "dilations": pairAttr(o.Dilation),
		"pads": padsAttr(o.Pads), "ceil_mode": boolAttr(o.Ceil),
	})
	return nil
}

func writeAveragePool(x *exporter, n *graph.Node) error {
	o := n.Op.(op.AveragePool)
	x.emit("AveragePool", n.Name, x.tensors(n), attrs{
		"kernel_shape": pairAttr(o.Kernel), "strides": pairAttr(o.Stride), "pads": padsAttr(o.Pads),
		"ceil_mode": boolAttr(o.Ceil), "count_include_pad": boolAttr(o.CountPad),
	})
	return nil
}

// writeResize gives scales always: sizes would fix the batch.
func writeResize(x *exporter, n *graph.Node) error {
	o := n.Op.(op.Resize)
	scales := []float32{1, 1, o.Scale[0], o.Scale[1]}
	for i := range 2 {
		in, out := n.In[0].Shape[1+i], n.Shape[1+i]
		if s := &scales[2+i]; *s == 0 || scaled(in, *s) != out {
			*s = scaleTo(in, out)
		}
	}
	a := attrs{"mode": wire.StringAttr(o.Mode), "coordinate_transformation_mode": wire.StringAttr(o.Coord)}
	if o.Mode == "nearest" {
		a["nearest_mode"] = wire.StringAttr(o.Round)
	}
	x.emit("Resize", n.Name, []string{x.tensor(n.In[0]), "", x.floats(n.Name+".scales", []int64{4}, scales...)}, a)
	return nil
}

// scaleTo is the least scale from out/in up that makes out pixels of in.
func scaleTo(in, out int) float32 {
	s := float32(out) / float32(in)
	for scaled(in, s) < out {
		s = math.Nextafter32(s, float32(math.Inf(1)))
	}
	return s
}

func writePad(x *exporter, n *graph.Node) error {
	o := n.Op.(op.Pad)
	if len(n.Shape) != 4 {
		return fmt.Errorf("shape %v, want N×H×W×C", n.Shape)
	}
	p := x.ints(n.Name+".pads",
		0, int64(o.Channels[0]), int64(o.Pads[0]), int64(o.Pads[1]),
		0, int64(o.Channels[1]), int64(o.Pads[2]), int64(o.Pads[3]))
	in := []string{x.tensor(n.In[0]), p}
	if o.Value != 0 {
		in = append(in, x.floats(n.Name+".value", nil, o.Value))
	}
	x.emit("Pad", n.Name, in, attrs{"mode": wire.StringAttr("constant")})
	return nil
}

// writeBatchNorm turns ranks whose channels are last outside too around the operator.
func writeBatchNorm(x *exporter, n *graph.Node) error {
	in := x.tensors(n)
	a := attrs{"epsilon": wire.FloatAttr(n.Op.(op.BatchNormalization).Eps)}
	rank := len(n.Shape)
	if rank == 2 || rank == 4 {
		x.emit("BatchNormalization", n.Name, in, a)
		return nil
	}
	var first, back []int64 // channels to axis 1, and back
	for i := range rank {
		first, back = append(first, int64(i)), append(back, int64(i))
	}
	copy(first[1:], append([]int64{int64(rank - 1)}, first[1:rank-1]...))
	copy(back[1:], append(append([]int64{}, back[2:]...), 1))
	in[0] = x.emit("Transpose", x.fresh(n.Name+".in"), []string{in[0]}, attrs{"perm": wire.IntsAttr(first...)})
	y := x.emit("BatchNormalization", x.fresh(n.Name+".out"), in, a)
	x.emit("Transpose", n.Name, []string{y}, attrs{"perm": wire.IntsAttr(back...)})
	return nil
}

func writeLRN(x *exporter, n *graph.Node) error {
	o := n.Op.(op.LRN)
	x.emit("LRN", n.Name, x.tensors(n), attrs{
		"size": wire.IntAttr(int64(o.Size)), "alpha": wire.FloatAttr(o.Alpha),
		"beta": wire.FloatAttr(o.Beta), "bias": wire.FloatAttr(o.Bias),
	})
	return nil
}

func writeSoftmax(x *exporter, n *graph.Node) error {
	rank := len(n.Shape)
	x.emit(n.Op.Kind(), n.Name, x.tensors(n), attrs{"axis": wire.IntAttr(outsideAxis(rank, rank-1))})
	return nil
}

func writeHardSwish(x *exporter, n *graph.Node) error {
	x.opset = max(x.opset, opsetHardSwish)
	return writePlain(x, n)
}

func writeSilu(x *exporter, n *graph.Node) error {
	in := x.tensor(n.In[0])
	s := x.emit("Sigmoid", x.fresh(n.Name+".sigmoid"), []string{in}, nil)
	x.emit("Mul", n.Name, []string{in, s}, nil)
	return nil
}

// writeClip leaves out a limit that is infinite.
func writeClip(x *exporter, n *graph.Node) error {
	o := n.Op.(op.Clip)
	in := []string{x.tensor(n.In[0]), "", ""}
	if !math.IsInf(float64(o.Min), -1) {
		in[1] = x.floats(n.Name+".min", nil, o.Min)
	}
	if !math.IsInf(float64(o.Max), 1) {
		in[2] = x.floats(n.Name+".max", nil, o.Max)
	}
	x.emit("Clip", n.Name, in, nil)
	return nil
}

func writeLeakyRelu(x *exporter, n *graph.Node) error {
	x.emit("LeakyRelu", n.Name, x.tensors(n), attrs{"alpha": wire.FloatAttr(n.Op.(op.LeakyRelu).Alpha)})
	return nil
}

func writeHardSigmoid(x *exporter, n *graph.Node) error {
	o := n.Op.(op.HardSigmoid)
	x.emit("HardSigmoid", n.Name, x.tensors(n), attrs{"alpha": wire.FloatAttr(o.Alpha), "beta": wire.FloatAttr(o.Beta)})
	return nil
}

func writePRelu(x *exporter, n *graph.Node) error {
	return writeBinary(x, n)
}

func writeDropout(x *exporter, n *graph.Node) error {
	ratio := x.floats(n.Name+".ratio", nil, n.Op.(op.Dropout).Ratio)
	x.emit("Dropout", n.Name, []string{x.tensor(n.In[0]), ratio}, nil)
	return nil
}

// writeBinary gives leaves of lower rank beside N×H×W×C the axes that put them where they were.
func writeBinary(x *exporter, n *graph.Node) error {
	in := make([]string, len(n.In))
	for i, v := range n.In {
		switch rank := len(v.Shape); {
		case len(n.Shape) != 4 || rank == 4:
			in[i] = x.tensor(v)
		case !v.IsLeaf() || v.Is(graph.Input):
			return fmt.Errorf("input %q has shape %v beside %v", v.Name, v.Shape, n.Shape)
		case v.Shape.Elems() == 1:
			in[i] = x.initializer(v, v.Shape)
		case rank == 1:
			in[i] = x.initializer(v, []int{v.Shape[0], 1, 1})
		default:
			return fmt.Errorf("input %q has shape %v beside %v", v.Name, v.Shape, n.Shape)
		}
	}
	x.emit(n.Op.Kind(), n.Name, in, nil)
	return nil
}

func writeConcat(x *exporter, n *graph.Node) error {
	a := outsideAxis(len(n.Shape), n.Op.(op.Concat).Axis)
	x.emit("Concat", n.Name, x.tensors(n), attrs{"axis": wire.IntAttr(a)})
	return nil
}

func writeReduceMean(x *exporter, n *graph.Node) error {
	o := n.Op.(op.ReduceMean)
	in := n.In[0]
	if o.Keep {
		x.emit("ReduceMean", n.Name, x.tensors(n), attrs{
			"axes": wire.IntsAttr(outsideAxis(len(in.Shape), o.Axis)), "keepdims": wire.IntAttr(1),
		})
		return nil
	}
	x.unstored(n, "ReduceMean", []string{x.stored(in)}, attrs{
		"axes": wire.IntsAttr(int64(o.Axis)), "keepdims": wire.IntAttr(0),
	})
	return nil
}

func writeSlice(x *exporter, n *graph.Node) error {
	o := n.Op.(op.Slice)
	step := max(1, o.Step)
	in := []string{
		x.tensor(n.In[0]),
		x.ints(n.Name+".starts", int64(o.Start)),
		x.ints(n.Name+".ends", int64(o.Start+(o.Count-1)*step+1)),
		x.ints(n.Name+".axes", outsideAxis(len(n.Shape), o.Axis)),
		x.ints(n.Name+".steps", int64(step)),
	}
	x.emit("Slice", n.Name, in, nil)
	return nil
}

func writeGather(x *exporter, n *graph.Node) error {
	rank := len(n.Shape)
	in := []string{x.tensor(n.In[0]), x.ints(n.Name+".index", wide(n.Op.(op.Gather).Index)...)}
	x.emit("Gather", n.Name, in, attrs{"axis": wire.IntAttr(outsideAxis(rank, rank-1))})
	return nil
}

func wide(v []int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

func writeReshape(x *exporter, n *graph.Node) error {
	x.unrows(n, x.rows(n.In[0]))
	return nil
}

func writeTranspose(x *exporter, n *graph.Node) error {
	perm := n.Op.(op.Transpose).Perm
	order := natural(len(perm))
	out := make([]int64, len(perm))
	for k, from := range perm {
		out[order[k]] = int64(order[from])
	}
	x.emit("Transpose", n.Name, x.tensors(n), attrs{"perm": wire.IntsAttr(out...)})
	return nil
}

// writeRearrange flattens an image, picks its elements one by one, and gives them their shape.
func writeRearrange(x *exporter, n *graph.Node) error {
	in := n.In[0]
	size := int64(tensor.Shape(in.Shape[1:]).Elems())
	flat := x.emit("Reshape", x.fresh(n.Name+".flat"), []string{x.rows(in), x.ints(n.Name+".length", 0, size)}, nil)
	index := x.ints(n.Name+".index", wide(n.Op.(op.Rearrange).Index)...)
	picked := x.emit("Gather", x.fresh(n.Name+".picked"), []string{flat, index}, attrs{"axis": wire.IntAttr(1)})
	x.unrows(n, picked)
	return nil
}
