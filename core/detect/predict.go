package detect

import (
	"fmt"
	"image"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
)

// Predictor finds objects in single pictures.
type Predictor struct {
	Choice  Choice  // of what is found
	Own     float32 // the model's score from which on boxes count, which Choice begins with
	net     *network
	pre     data.Preprocess
	resizer data.Resizer
}

// NewPredictor compiles a detector for one picture at a time, in all its positions, batch norm folded.
func NewPredictor(e graph.Env, g *graph.Graph) (*Predictor, error) {
	if err := check(g); err != nil {
		return nil, err
	}
	n, err := compile(e, g, 1)
	if err != nil {
		return nil, err
	}
	c := ForModel(g)
	return &Predictor{Choice: c, Own: c.Score, net: n, pre: eval.Preprocess(g)}, nil
}

// File finds the objects of an image file.
func (p *Predictor) File(path string) (*eval.Prediction, error) {
	size, err := p.pre.PrepareFile(p.net.input(), path, &p.resizer)
	if err != nil {
		return nil, err
	}
	return p.run(path, size)
}

// Image finds the objects of a camera's picture; name is what the prediction calls it.
func (p *Predictor) Image(name string, m image.Image) (*eval.Prediction, error) {
	if err := p.pre.PrepareImage(p.net.input(), m, &p.resizer); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p.run(name, m.Bounds().Size())
}

// run is the prediction of the picture that was prepared.
func (p *Predictor) run(name string, size image.Point) (*eval.Prediction, error) {
	n := p.net
	eval.Show(n.plan, n.g, 1)
	if err := n.plan.Run(); err != nil {
		return nil, err
	}
	found, err := n.find(p.Choice, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	labels := n.g.Labels()
	r := &eval.Prediction{Image: name, Boxes: []eval.Box{}, Threshold: float64(p.Own)}
	r.Surest, r.SurestScore = surest(n.plan.Data(n.g.Outputs[0].Name), labels)
	for _, d := range back(found, p.pre.ToInput(size.X, size.Y).Inverse(), size) {
		r.Boxes = append(r.Boxes, eval.Box{Class: labels[d.Class], Score: float64(d.Score),
			XMin: float64(d.XMin), YMin: float64(d.YMin), XMax: float64(d.XMax), YMax: float64(d.YMax)})
	}
	return r, nil
}

// surest is the class of the highest of the logits, V×A×C.
func surest(logits []float32, labels []string) (class string, score float64) {
	at := eval.Argmax(logits)
	return labels[at%len(labels)], float64(Score(logits[at]))
}

// back maps detections to the picture, cut to its size; nothing is left of those that lie outside.
func back(list []Detection, m data.Affine, size image.Point) []Detection {
	for i, d := range list {
		b := m.Box(data.Box{XMin: d.XMin, YMin: d.YMin, XMax: d.XMax, YMax: d.YMax}).Clip(0, 0, float32(size.X), float32(size.Y))
		list[i].XMin, list[i].YMin, list[i].XMax, list[i].YMax = b.XMin, b.YMin, b.XMax, b.YMax
	}
	return slices.DeleteFunc(list, func(d Detection) bool { return d.XMax <= d.XMin || d.YMax <= d.YMin })
}
