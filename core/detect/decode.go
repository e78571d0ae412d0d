package detect

import (
	"cmp"
	"math"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// Choice says which answers of the anchors become detections.
type Choice struct {
	Score float32 // that a detection has at least
	IoU   float64 // of two of one class from which on only the better stays
	Most  int     // detections an image
}

// ForAverages is the choice that average precision is measured with: low scores count at the end of its curve.
func ForAverages() Choice { return Choice{Score: 0.01, IoU: 0.6, Most: 100} }

// ForUse is the choice for looking at single pictures.
func ForUse() Choice { return Choice{Score: 0.3, IoU: 0.6, Most: 100} }

// ForModel is ForUse with the score that is kept with a model.
func ForModel(g *graph.Graph) Choice {
	c := ForUse()
	if t := g.Threshold(); t > 0 {
		c.Score = t
	}
	return c
}

// mostCandidates bounds the pairs that are compared.
const mostCandidates = 1000

// Decode is the detections of one image, the best first, in pixels of the input. Of equal scores the earlier anchor
// and then the lower class comes first. Answers that are no numbers are left out.
//
//	logits  A×C
//	boxes   A×4
func (c Choice) Decode(logits, boxes []float32) []Detection {
	classes := len(logits) / (len(boxes) / 4)
	least := float32(math.Log(float64(c.Score) / (1 - float64(c.Score))))
	var found []Detection
	for i, z := range logits {
		if z >= least {
			b := boxes[i/classes*4:][:4]
			found = append(found, Detection{i % classes, Score(z), b[0], b[1], b[2], b[3]})
		}
	}
	slices.SortStableFunc(found, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	return c.Suppress(found[:min(len(found), mostCandidates)])
}

// Suppress keeps the best detections first and drops those of the same class that overlap one that was kept by more than
// IoU: class-wise non-maximum suppression. The list is sorted by score and is reused.
func (c Choice) Suppress(sorted []Detection) []Detection {
	kept := sorted[:0]
	for _, d := range sorted {
		if len(kept) == c.Most {
			break
		}
		if !slices.ContainsFunc(kept, func(k Detection) bool { return k.Class == d.Class && op.IoU(k.edges(), d.edges()) > c.IoU }) {
			kept = append(kept, d)
		}
	}
	return kept
}

// Overlap is the intersection with a labelled box over their union.
func (d *Detection) Overlap(b data.Box) float64 {
	return op.IoU(d.edges(), []float32{b.XMin, b.YMin, b.XMax, b.YMax})
}

func (d *Detection) edges() []float32 { return []float32{d.XMin, d.YMin, d.XMax, d.YMax} }
