package detect

import (
	"cmp"
	"slices"

	"github.com/secateur/secateur/core/data"
)

// mark is a detection judged: whether it is right at each overlap.
type mark struct {
	score float32
	right [overlaps]bool
}

// judge matches the detections of one class in every picture, and returns them by falling score, and the number of
// objects there are.
func judge(truth [][]data.Box, found [][]Detection, class int) (marks []mark, objects int) {
	for i, all := range truth {
		var boxes []data.Box
		for _, b := range all {
			if b.Class == class {
				boxes = append(boxes, b)
			}
		}
		objects += len(boxes)
		marks = append(marks, match(boxes, best(found[i], class))...)
	}
	slices.SortStableFunc(marks, byScore)
	return marks, objects
}

// best is the detections of a class by falling score, as many as count.
func best(found []Detection, class int) []Detection {
	var of []Detection
	for _, d := range found {
		if d.Class == class {
			of = append(of, d)
		}
	}
	slices.SortStableFunc(of, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	return of[:min(len(of), mostOfPicture)]
}

// match gives each detection in turn the free box that it overlaps most, the last of several, if that is enough.
func match(boxes []data.Box, sorted []Detection) []mark {
	marks, iou := make([]mark, len(sorted)), make([][]float64, len(sorted))
	for i, d := range sorted {
		marks[i].score = d.Score
		for _, b := range boxes {
			iou[i] = append(iou[i], d.Overlap(b))
		}
	}
	for t := range overlaps {
		taken := make([]bool, len(boxes))
		for i := range sorted {
			if k := choose(iou[i], taken, atLeast(t)); k >= 0 {
				taken[k], marks[i].right[t] = true, true
			}
		}
	}
	return marks
}

// Seen says which boxes of a picture are found at an overlap of 0.5, and which detections are right. Detections choose by falling
// score, each among the boxes of its class.
func Seen(boxes []data.Box, found []Detection) (seen, right []bool) {
	seen, right = make([]bool, len(boxes)), make([]bool, len(found))
	order := make([]int, len(found))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(found[b].Score, found[a].Score) })
	for _, i := range order {
		iou := make([]float64, len(boxes))
		for k, b := range boxes {
			if b.Class == found[i].Class {
				iou[k] = found[i].Overlap(b)
			}
		}
		if k := choose(iou, seen, atLeast(0)); k >= 0 {
			seen[k], right[i] = true, true
		}
	}
	return seen, right
}

// atLeast is the overlap that counts as right.
func atLeast(t int) float64 {
	const from, to = 0.5, 0.95
	if t == overlaps-1 {
		return to
	}
	step := (to - from) / float64(overlaps-1)
	return from + float64(t)*step
}

// choose is the last of the free boxes that overlap most, -1 if none does enough.
func choose(iou []float64, taken []bool, least float64) int {
	at := -1
	for k, v := range iou {
		if !taken[k] && v >= least {
			at, least = k, v
		}
	}
	return at
}
