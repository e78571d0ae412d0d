package detect

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/secateur/secateur/core/data"
)

// Average precision as COCO defines it (cocodataset.org/#detection-eval): ten overlaps from 0.5 to 0.95, precision at 101
// recalls, at most 100 detections of a class in a picture.
const (
	overlaps      = 10
	recalls       = 101
	mostOfPicture = 100
)

// APReport is how well a detector finds what is there.
type APReport struct {
	Map50, Map float64   // mean over the classes that have objects; -1 without any
	PerClass   []ClassAP // of each class
	// The operating point, all classes together, at an overlap of 0.5.
	Threshold, Precision, Recall float64
}

// ClassAP is one class's part of an APReport.
type ClassAP struct {
	AP50, AP          float64 // at an overlap of 0.5, and the mean over all overlaps; -1 without objects
	Objects           int     // that are there
	Precision, Recall float64 // at the operating point
}

// Evaluate compares detections with the boxes of pictures; crowds and difficult objects are not told apart.
//
//	truth      pictures×boxes
//	found      pictures×detections, in any order; of equal scores the earlier goes first
//	threshold  the score of the operating point; 0 chooses the one that makes most of these pictures, which are then
//	           no test of it
func Evaluate(truth [][]data.Box, found [][]Detection, classes int, threshold float64) APReport {
	r := APReport{Map50: -1, Map: -1, PerClass: make([]ClassAP, classes)}
	marks := make([][]mark, classes)
	seen, sum, sum50 := 0, 0.0, 0.0
	for c := range classes {
		k := &r.PerClass[c]
		marks[c], k.Objects = judge(truth, found, c)
		if k.AP, k.AP50 = -1, -1; k.Objects == 0 {
			continue
		}
		k.AP50, k.AP = averages(marks[c], k.Objects)
		seen, sum, sum50 = seen+1, sum+k.AP, sum50+k.AP50
	}
	if seen > 0 {
		r.Map, r.Map50 = sum/float64(seen), sum50/float64(seen)
	}
	if r.Threshold = threshold; threshold == 0 {
		r.Threshold = r.bestThreshold(marks)
	}
	r.operate(marks)
	return r
}

// averages is the precision averaged over recalls, at the first overlap and over all.
func averages(marks []mark, objects int) (ap50, ap float64) {
	for t := range overlaps {
		v := average(marks, t, objects)
		if t == 0 {
			ap50 = v
		}
		ap += v / overlaps
	}
	return ap50, ap
}

// average is the mean over recalls of the best precision at that recall or a higher one.
func average(marks []mark, t, objects int) float64 {
	precision, recall := make([]float64, len(marks)), make([]float64, len(marks))
	right := 0
	for i, m := range marks {
		if m.right[t] {
			right++
		}
		precision[i], recall[i] = float64(right)/float64(i+1), float64(right)/float64(objects)
	}
	for i := len(precision) - 1; i > 0; i-- {
		precision[i-1] = max(precision[i-1], precision[i])
	}
	sum := 0.0
	for k := range recalls {
		at := float64(k) * 0.01
		if k == recalls-1 {
			at = 1
		}
		if i := sort.SearchFloat64s(recall, at); i < len(precision) {
			sum += precision[i]
		}
	}
	return sum / recalls
}

// bestThreshold is the score from which on detections make the best F1, the highest of several, midway down to the next
// lower score, or to 0: what other pictures show scores lower than it does here, and higher than what is wrong here.
// 0 where nothing is right.
func (r *APReport) bestThreshold(marks [][]mark) (threshold float64) {
	all := slices.Concat(marks...)
	slices.SortStableFunc(all, byScore)
	best, right := 0.0, 0
	for i, m := range all {
		if m.right[0] {
			right++
		}
		next := float32(0)
		if i+1 < len(all) {
			next = all[i+1].score
		}
		if next == m.score {
			continue // a threshold cannot part them
		}
		if f1 := 2 * float64(right) / float64(i+1+r.objects()); f1 > best {
			best, threshold = f1, float64(max(next+(m.score-next)/2, math.Nextafter32(next, 1)))
		}
	}
	return threshold
}

func (r *APReport) objects() (n int) {
	for _, k := range r.PerClass {
		n += k.Objects
	}
	return n
}

// operate counts at the operating point.
func (r *APReport) operate(marks [][]mark) {
	n, right := 0, 0
	for c := range r.PerClass {
		k := &r.PerClass[c]
		found, good := counted(marks[c], float32(r.Threshold))
		k.Precision, k.Recall = ratio(good, found), ratio(good, k.Objects)
		n, right = n+found, right+good
	}
	r.Precision, r.Recall = ratio(right, n), ratio(right, r.objects())
}

// counted is how many detections have the score, and how many of them are right.
func counted(marks []mark, threshold float32) (n, right int) {
	for ; n < len(marks) && marks[n].score >= threshold; n++ {
		if marks[n].right[0] {
			right++
		}
	}
	return n, right
}

func ratio(part, of int) float64 { return float64(part) / float64(max(of, 1)) }

func byScore(a, b mark) int { return cmp.Compare(b.score, a.score) }
