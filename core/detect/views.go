package detect

import (
	"cmp"
	"slices"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/op"
)

// positions decodes what a detector answers to the positions of a picture (eval.Views), brings it back to the first one and
// fuses it. What one position hardly sees may be sure in all together, so that scores are judged after that.
//
//	answers  of each position logits A×C and boxes A×4
//	w, h     of the input
func (c Choice) positions(answers [][2][]float32, w, h float32) []Detection {
	if len(answers) == 1 {
		return c.Decode(answers[0][0], answers[0][1])
	}
	each := c
	each.Score = min(c.Score, ForAverages().Score)
	var found []Detection
	for k, a := range answers {
		for _, d := range each.Decode(a[0], a[1]) {
			found = append(found, d.back(k, w, h))
		}
	}
	fused := slices.DeleteFunc(fuse(found, len(answers), c.IoU), func(d Detection) bool { return d.Score < c.Score })
	return fused[:min(len(fused), c.Most)]
}

// back is a detection in position k as the first position has it.
func (d Detection) back(k int, w, h float32) Detection {
	mirrored, upsideDown := eval.Position(k)
	if mirrored {
		d.XMin, d.XMax = w-d.XMax, w-d.XMin
	}
	if upsideDown {
		d.YMin, d.YMax = h-d.YMax, h-d.YMin
	}
	return d
}

// fuse is weighted boxes fusion (Solovyev, Wang and Gabruseva 2021, arXiv:1910.13302): detections of one class that overlap
// by more than iou become one, whose edges are their means weighted by the scores. Its score is the mean of as many of the
// best as there are sources, 0 for each that is missing: the mean of all, as in the paper, would punish an object that one
// source sees twice. The best come first.
func fuse(found []Detection, sources int, iou float64) []Detection {
	byScore := func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) }
	slices.SortStableFunc(found, byScore)
	var clusters []*cluster
	for _, d := range found {
		at := slices.IndexFunc(clusters, func(c *cluster) bool {
			return c.fused.Class == d.Class && op.IoU(c.fused.edges(), d.edges()) > iou
		})
		if at < 0 {
			at, clusters = len(clusters), append(clusters, &cluster{fused: Detection{Class: d.Class}})
		}
		clusters[at].add(d, sources)
	}
	fused := make([]Detection, 0, len(clusters))
	for _, c := range clusters {
		fused = append(fused, c.fused)
	}
	slices.SortStableFunc(fused, byScore)
	return fused
}

// cluster is detections of one object, the best first.
type cluster struct {
	fused  Detection
	n      int
	scores float64    // their sum
	edges  [4]float64 // and that of their edges times their scores
}

func (c *cluster) add(d Detection, sources int) {
	if c.n++; c.n <= sources {
		c.fused.Score += d.Score / float32(sources)
	}
	c.scores += float64(d.Score)
	for e, x := range d.edges() {
		c.edges[e] += float64(d.Score) * float64(x)
	}
	mean := func(e int) float32 { return float32(c.edges[e] / c.scores) }
	c.fused.XMin, c.fused.YMin, c.fused.XMax, c.fused.YMax = mean(0), mean(1), mean(2), mean(3)
}
