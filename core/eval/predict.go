package eval

import (
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
)

// Predictor classifies single images.
type Predictor struct {
	ev      *evaluator
	pre     data.Preprocess
	resizer data.Resizer
	classes []string
}

// Prediction is what `predict --json` prints.
type Prediction struct {
	Image  string             `json:"image"`
	Class  string             `json:"class,omitempty"`
	Score  float64            `json:"score,omitempty"` // softmax
	Scores map[string]float64 `json:"scores,omitempty"`
	Boxes  []Box              `json:"boxes,omitzero"` // of a detector, the best first, perhaps none; nil of a classifier

	Threshold float64 `json:"-"` // the detector's own, from which on boxes count; it may have been asked for more
	// Of a detector, the class and score of the anchor that is surest, though they may be far below.
	Surest      string  `json:"-"`
	SurestScore float64 `json:"-"`
}

// Box is what a detector found in a picture, in pixels of it: edges are continuous, as data.Box has them.
type Box struct {
	Class string  `json:"class"`
	Score float64 `json:"score"`
	XMin  float64 `json:"xmin"`
	YMin  float64 `json:"ymin"`
	XMax  float64 `json:"xmax"`
	YMax  float64 `json:"ymax"`
}

// NewPredictor compiles g for one image at a time, batch norm folded.
func NewPredictor(e graph.Env, g *graph.Graph) (*Predictor, error) {
	ev, err := newEvaluator(e, g, 1)
	if err != nil {
		return nil, err
	}
	return &Predictor{ev: ev, pre: Preprocess(g), classes: g.Labels()}, nil
}

// File classifies an image file.
func (p *Predictor) File(path string) (*Prediction, error) {
	if _, err := p.pre.PrepareFile(p.ev.plan.Data(Input(p.ev.g)), path, &p.resizer); err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUnusable, err)
	}
	return p.run(path)
}

// Image classifies a camera's picture; name is what the prediction calls it.
func (p *Predictor) Image(name string, m image.Image) (*Prediction, error) {
	if err := p.pre.PrepareImage(p.ev.plan.Data(Input(p.ev.g)), m, &p.resizer); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p.run(name)
}

// run is the prediction of the picture that was prepared.
func (p *Predictor) run(name string) (*Prediction, error) {
	Show(p.ev.plan, p.ev.g, 1)
	if err := p.ev.plan.Run(); err != nil {
		return nil, err
	}
	r := p.read(name)
	if math.IsNaN(r.Score) {
		return nil, fmt.Errorf("%s: %w", name, ErrNotNumbers)
	}
	return r, nil
}

// read is the softmax of the logits, by name. A model whose output is a softmax already, so that
// its values are positive and sum to one, keeps them.
func (p *Predictor) read(image string) *Prediction {
	z := p.ev.logits()[:len(p.classes)]
	probs := softmax(z)
	best := Argmax(z)
	r := &Prediction{Image: image, Class: p.classes[best], Score: probs[best], Scores: make(map[string]float64, len(probs))}
	for i, v := range probs {
		r.Scores[p.classes[i]] = v
	}
	return r
}

func softmax(z []float32) []float64 {
	out := make([]float64, len(z))
	sum, least := 0.0, slices.Min(z)
	for i, v := range z {
		out[i] = float64(v)
		sum += out[i]
	}
	if least >= 0 && math.Abs(sum-1) < 1e-3 {
		return out
	}
	top := float64(slices.Max(z))
	sum = 0
	for i, v := range z {
		out[i] = math.Exp(float64(v) - top)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
