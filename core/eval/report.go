package eval

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
