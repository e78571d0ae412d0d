package eval

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// Report is what an evaluation found: the object that `eval --json` prints. Keys only ever get added.
type Report struct {
	Images    int                    `json:"images"`
	Accuracy  float64                `json:"accuracy"`
	Macro     float64                `json:"macro_accuracy"`
	Loss      float64                `json:"loss"`
	PerClass  map[string]ClassReport `json:"per_class"`
	Latency   Latency                `json:"latency_ms"`
	MACs      int64                  `json:"macs"`
	Params    int                    `json:"params"`
	PeakRSS   int64                  `json:"peak_rss_bytes"`
	Confusion [][]int                `json:"confusion,omitempty"` // [true class][predicted class]
	Guesses   []Guess                `json:"guesses,omitempty"`   // of each image in order, where asked for

	// Of a detector, in place of accuracies and loss; its PerClass is Objects.
	Detector  bool                    `json:"-"`
	Map50     float64                 `json:"map50,omitempty"`            // average precision at an IoU of 0.5, mean over classes
	Map       float64                 `json:"map,omitempty"`              // and mean over IoUs from 0.5 to 0.95 too, as COCO has it
	Threshold float64                 `json:"threshold,omitempty"`        // of scores, at the operating point
	Recall    float64                 `json:"recall,omitempty"`           // of all objects, there
	Precision float64                 `json:"precision,omitempty"`        // of all boxes, there
	Inside    float64                 `json:"relevance_inside,omitempty"` // share of relevance inside the boxes, where asked for
	Objects   map[string]ObjectReport `json:"objects,omitempty"`
}

// ObjectReport is one class's part of the Report on a detector. Recall and Precision are at an IoU of 0.5 and at the
// operating point.
type ObjectReport struct {
	Objects   int     `json:"objects"`
	AP50      float64 `json:"ap50"`
	AP        float64 `json:"ap"`
	Recall    float64 `json:"recall"`
	Precision float64 `json:"precision"`
}

// MarshalJSON leaves out of a detector's report what only a classifier has.
func (r *Report) MarshalJSON() ([]byte, error) {
	type plain Report
	if !r.Detector {
		return json.Marshal((*plain)(r))
	}
	type none struct{}
	return json.Marshal(struct {
		*plain
		Map50    float64                 `json:"map50"`
		Map      float64                 `json:"map"`
		PerClass map[string]ObjectReport `json:"per_class"`
		Accuracy *none                   `json:"accuracy,omitempty"`
		Macro    *none                   `json:"macro_accuracy,omitempty"`
		Loss     *none                   `json:"loss,omitempty"`
		Objects  *none                   `json:"objects,omitempty"`
	}{plain: (*plain)(r), Map50: r.Map50, Map: r.Map, PerClass: r.Objects})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Report) UnmarshalJSON(b []byte) error {
	var kind struct {
		Map50 *float64 `json:"map50"`
	}
	if err := json.Unmarshal(b, &kind); err != nil {
		return err
	}
	type plain Report
	if kind.Map50 == nil {
		return json.Unmarshal(b, (*plain)(r))
	}
	r.Detector = true
	return json.Unmarshal(b, &struct {
		*plain
		PerClass *map[string]ObjectReport `json:"per_class"`
	}{plain: (*plain)(r), PerClass: &r.Objects})
}

// Guess is what a network made of one image.
type Guess struct {
	Class int     `json:"class"`
	Score float64 `json:"score"` // softmax
}

// Brief is the report without what it says of single images.
func (r *Report) Brief() *Report {
	if r == nil {
		return nil
	}
	b := *r
	b.Guesses = nil
	return &b
}

// ClassReport is one class's part of a Report.
type ClassReport struct {
	Images   int     `json:"images"`
	Accuracy float64 `json:"accuracy"`
}

// Latency is measured at batch 1, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// fill derives accuracies from the confusion matrix.
func (r *Report) fill(classes []string) {
	r.PerClass = map[string]ClassReport{}
	right, seen := 0, 0
	for c, row := range r.Confusion {
		n := 0
		for _, k := range row {
			n += k
		}
		if n == 0 {
			continue
		}
		acc := float64(row[c]) / float64(n)
		r.PerClass[classes[c]] = ClassReport{n, acc}
		r.Macro += acc
		right += row[c]
		r.Images += n
		seen++
	}
	if seen > 0 {
		r.Macro /= float64(seen)
		r.Accuracy = float64(right) / float64(r.Images)
	}
}

// Rarest is the class of which there are the fewest objects, of several the one with the lowest recall: turns of pruning
// a detector are accepted on that (reference: pruning §2.7). It is "" of a report without objects.
func (r *Report) Rarest() (class string, o ObjectReport) {
	for _, c := range slices.Sorted(maps.Keys(r.Objects)) {
		now := r.Objects[c]
		if class == "" || cmp.Or(cmp.Compare(now.Objects, o.Objects), cmp.Compare(now.Recall, o.Recall)) < 0 {
			class, o = c, now
		}
	}
	return class, o
}

// Harmonic is the harmonic mean of the class accuracies: one dead class makes it 0 (Yasui 2026,
// 2511.10861). Turns of pruning are accepted on it.
func (r *Report) Harmonic() float64 {
	sum := 0.0
	for _, c := range r.PerClass {
		if c.Accuracy == 0 {
			return 0
		}
		sum += 1 / c.Accuracy
	}
	if sum == 0 {
		return 0
	}
	return float64(len(r.PerClass)) / sum
}
