package onnx

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx/wire"
)

// NMS is the choice among a detector's answers that an exported file makes itself: of each class, boxes by falling score as
// long as they overlap no box that was taken by more than IoU.
type NMS struct {
	Score float32 // a box has more than this
	IoU   float32
	Most  int // boxes of a class in an image
}

// Detections is the output of a file with NMS: K×7, image, class, score, xmin, ymin, xmax, ymax in pixels of the input, the
// boxes of an image and class together, best first.
const Detections = "detections"

// kept is the number of boxes of all images, which the file does not know.
const kept = "K"

// ExportNMS is Export of a detector, logits N×A×C and boxes N×A×4, whose only output is Detections.
func ExportNMS(g *graph.Graph, path string, o NMS) error {
	m, err := modelNMS(g, o)
	if err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	return write(m, path)
}

func modelNMS(g *graph.Graph, o NMS) (*wire.Model, error) {
	if len(g.Outputs) != 2 || len(g.Outputs[0].Shape) != 3 || len(g.Outputs[1].Shape) != 3 || g.Outputs[1].Shape[2] != 4 {
		return nil, fmt.Errorf("the outputs are %v, want a detector's logits N×A×C and boxes N×A×4", g.Outputs)
	}
	x := newExporter(g)
	if err := x.run(); err != nil {
		return nil, err
	}
	x.suppress(g.Outputs[0].Name, g.Outputs[1].Name, o)
	return x.model(), nil
}

// suppress adds the nodes. NonMaxSuppression takes corners in any order, so x and y may change places.
func (x *exporter) suppress(logits, boxes string, o NMS) {
	name := func(part string) string { return x.fresh("nms." + part) }
	scores := x.emit("Sigmoid", name("scores"), []string{logits}, nil)
	byClass := x.emit("Transpose", name("by_class"), []string{scores}, map[string]*wire.Attr{"perm": wire.IntsAttr(0, 2, 1)})
	taken := x.emit("NonMaxSuppression", name("taken"), []string{boxes, byClass, x.ints("nms.most", int64(o.Most)),
		x.floats("nms.iou", []int64{1}, o.IoU), x.floats("nms.score", []int64{1}, o.Score)}, nil) // K×3: image, class, anchor

	columns := func(part string, which ...int64) string {
		return x.emit("Gather", name(part), []string{taken, x.ints("nms."+part+".columns", which...)}, map[string]*wire.Attr{"axis": wire.IntAttr(1)})
	}
	where := x.emit("Cast", name("where"), []string{columns("image_class", 0, 1)}, map[string]*wire.Attr{"to": wire.IntAttr(int64(wire.Float))})
	score := x.emit("GatherND", name("score_of"), []string{byClass, taken}, nil)
	score = x.emit("Unsqueeze", name("score_column"), []string{score, x.ints("nms.axis", 1)}, nil)
	edges := x.emit("GatherND", name("edges"), []string{boxes, columns("image_anchor", 0, 2)}, nil)
	x.emit("Concat", x.fresh(Detections), []string{where, score, edges}, map[string]*wire.Attr{"axis": wire.IntAttr(1)})
	x.to.ValueInfo = append(x.to.ValueInfo, x.to.Outputs...)
	x.to.Outputs = []*wire.ValueInfo{{Name: Detections, DType: wire.Float, Shaped: true, Dims: []wire.Dim{{Value: -1, Param: kept}, {Value: 7}}}}
}
