package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Keys of Graph.Meta that the typed accessors read and write. In an ONNX file they are entries
// of metadata_props.
const (
	MetaLabels = "secateur.labels" // JSON list of the class names, in order of the outputs
	MetaMean   = "secateur.mean"   // r,g,b in 0..255, in the order of the input's channels
	MetaStd    = "secateur.std"    // likewise
	MetaColor  = "secateur.color"  // RGB or BGR
	MetaFit    = "secateur.fit"    // squash or letterbox
	MetaViews  = "secateur.views"  // 1, 2 or 4: in how many positions a picture is shown
	MetaScore  = "secateur.score"  // from which on a detector's boxes count, 0 to 1
	MetaParent = "secateur.parent" // hash of the model that this one was made from
)

// Preprocess says how pixels become the input: x = (p - Mean) / Std per channel, where p is the
// pixel's value in 0..255. Mean and Std follow the order of the input's channels: blue first
// when BGR is set. The size is that of the Input's shape: pictures are squashed to it, or with
// Letterbox scaled in their proportions to fit it. Views is in how many positions each is shown, whose answers are
// averaged: 1, or 0, as it is; 2 mirrored too; 4 and both upside down.
type Preprocess struct {
	Mean, Std [3]float32
	BGR       bool
	Letterbox bool
	Views     int
}

// DefaultPreprocess leaves the pixels as they are: 0..255, RGB.
func DefaultPreprocess() Preprocess { return Preprocess{Std: [3]float32{1, 1, 1}} }

// Check refuses numbers that would make no finite input.
func (p Preprocess) Check() error {
	if p.Views != 0 && !ValidViews(p.Views) {
		return fmt.Errorf("%d positions of a picture, want 1, 2 or 4", p.Views)
	}
	for i := range 3 {
		m, s := float64(p.Mean[i]), float64(p.Std[i])
		if math.IsNaN(m) || math.IsInf(m, 0) {
			return fmt.Errorf("mean %v is not finite", p.Mean)
		}
		if !(s > 0) || math.IsInf(s, 0) {
			return fmt.Errorf("standard deviation %v is not positive", p.Std)
		}
	}
	return nil
}

// ValidViews reports whether a picture can be shown in so many positions.
func ValidViews(n int) bool { return n == 1 || n == 2 || n == 4 }

// Preprocess is what Meta says of the input's pixels; DefaultPreprocess fills in what is not
// there. Meta read from a file has gone through CheckMeta, so what is there can be read.
func (g *Graph) Preprocess() Preprocess {
	p, err := g.preprocess()
	if err != nil {
		return DefaultPreprocess()
	}
	return p
}

// SaysPixels reports whether Meta tells mean or deviation: else they are those of pixels as they are, 0 to 255.
func (g *Graph) SaysPixels() bool {
	return g.Meta[MetaMean] != "" || g.Meta[MetaStd] != ""
}

// SetPreprocess writes p into Meta.
func (g *Graph) SetPreprocess(p Preprocess) {
	g.Meta[MetaMean] = formatTriple(p.Mean)
	g.Meta[MetaStd] = formatTriple(p.Std)
	g.Meta[MetaColor] = "RGB"
	if p.BGR {
		g.Meta[MetaColor] = "BGR"
	}
	delete(g.Meta, MetaFit)
	if p.Letterbox {
		g.Meta[MetaFit] = "letterbox"
	}
	g.SetViews(p.Views)
}

// SetViews writes into Meta in how many positions pictures are shown; 0 or 1 is as they are.
func (g *Graph) SetViews(n int) {
	delete(g.Meta, MetaViews)
	if n > 1 {
		g.Meta[MetaViews] = strconv.Itoa(n)
	}
}

func (g *Graph) preprocess() (Preprocess, error) {
	p := DefaultPreprocess()
	if s, ok := g.Meta[MetaMean]; ok {
		if err := parseTriple(s, &p.Mean); err != nil {
			return p, fmt.Errorf("%s: %w", MetaMean, err)
		}
	}
	if s, ok := g.Meta[MetaStd]; ok {
		if err := parseTriple(s, &p.Std); err != nil {
			return p, fmt.Errorf("%s: %w", MetaStd, err)
		}
	}
	switch c := g.Meta[MetaColor]; c {
	case "", "RGB":
	case "BGR":
		p.BGR = true
	default:
		return p, fmt.Errorf("%s: %q, want RGB or BGR", MetaColor, c)
	}
	switch f := g.Meta[MetaFit]; f {
	case "", "squash":
	case "letterbox":
		p.Letterbox = true
	default:
		return p, fmt.Errorf("%s: %q, want squash or letterbox", MetaFit, f)
	}
	if v := g.Meta[MetaViews]; v != "" {
		if p.Views, _ = strconv.Atoi(v); !ValidViews(p.Views) {
			return p, fmt.Errorf("%s: %q, want 1, 2 or 4", MetaViews, v)
		}
	}
	return p, p.Check()
}

// Labels are the class names in the order of the outputs, nil when they are not known.
func (g *Graph) Labels() []string {
	labels, err := g.labels()
	if err != nil {
		return nil
	}
	return labels
}

// SetLabels writes the class names into Meta; none removes them.
func (g *Graph) SetLabels(labels []string) {
	if len(labels) == 0 {
		delete(g.Meta, MetaLabels)
		return
	}
	b, err := json.Marshal(labels)
	if err != nil {
		panic(err) // a list of strings always has a JSON form
	}
	g.Meta[MetaLabels] = string(b)
}

func (g *Graph) labels() ([]string, error) {
	s, ok := g.Meta[MetaLabels]
	if !ok {
		return nil, nil
	}
	var labels []string
	if err := json.Unmarshal([]byte(s), &labels); err != nil {
		return nil, fmt.Errorf("%s: not a JSON list of names: %w", MetaLabels, err)
	}
	return labels, nil
}

// Threshold is the score from which on a detector's boxes count, 0 when it is not known.
func (g *Graph) Threshold() float32 {
	t, _ := g.threshold()
	return t
}

// SetThreshold writes the score into Meta; 0 removes it.
func (g *Graph) SetThreshold(score float64) {
	delete(g.Meta, MetaScore)
	if score > 0 {
		g.Meta[MetaScore] = strconv.FormatFloat(score, 'g', -1, 32)
	}
}

func (g *Graph) threshold() (float32, error) {
	s, ok := g.Meta[MetaScore]
	if !ok {
		return 0, nil
	}
	x, err := strconv.ParseFloat(s, 32)
	if err != nil || !(x > 0 && x <= 1) {
		return 0, fmt.Errorf("%s: %q, want a score above 0, at most 1", MetaScore, s)
	}
	return float32(x), nil
}

// CheckMeta refuses entries of Meta that the typed accessors cannot read. Readers of files call
// it, so that a damaged entry is an error there rather than a default later.
func (g *Graph) CheckMeta() error {
	if _, err := g.labels(); err != nil {
		return err
	}
	if _, err := g.threshold(); err != nil {
		return err
	}
	_, err := g.preprocess()
	return err
}

func formatTriple(v [3]float32) string {
	parts := make([]string, len(v))
	for i, x := range v {
		parts[i] = strconv.FormatFloat(float64(x), 'g', -1, 32)
	}
	return strings.Join(parts, ",")
}

func parseTriple(s string, v *[3]float32) error {
	parts := strings.Split(s, ",")
	if len(parts) != len(v) {
		return fmt.Errorf("%q has %d numbers, want %d with commas between", s, len(parts), len(v))
	}
	for i, p := range parts {
		x, err := strconv.ParseFloat(strings.TrimSpace(p), 32)
		if err != nil {
			return fmt.Errorf("%q is not a number", p)
		}
		v[i] = float32(x)
	}
	return nil
}
