package report

import "fmt"

// headline sets the two networks side by side.
type headline struct {
	Dense, Pruned bool // which columns there are
	Rows          []contrast
	Measured      string // on what, and what the numbers are
}

// contrast is one quantity of both networks.
type contrast struct {
	Name, Note    string
	Dense, Pruned amount
	Change        string
}

// amount is a quantity with a bar in percent of the longest.
type amount struct {
	Text, Sub string
	Bar       px // percent; 0: none
}

// newHeadline compares two results; either may be nil, and nil for both is no section.
func newHeadline(dense, pruned *Result) *headline {
	if dense == nil && pruned == nil {
		return nil
	}
	h := &headline{Dense: dense != nil, Pruned: pruned != nil, Measured: measured(dense, pruned)}
	d, p := orEmpty(dense), orEmpty(pruned)
	if finds(dense, pruned) {
		h.found(d, p)
	} else {
		h.share("Accuracy", "", d, p, d.Accuracy, p.Accuracy, interval)
		h.share("Class accuracy", "mean over classes", d, p, d.Macro, p.Macro, nil)
		h.cost("Loss", "cross-entropy", d.Loss, p.Loss, three, ratio)
	}
	h.cost("MACs", "for one image", float64(d.MACs), float64(p.MACs), decimal, ratio)
	h.cost("Parameters", "", float64(d.Params), float64(p.Params), decimal, ratio)
	h.cost("Model file", "", float64(d.Bytes), float64(p.Bytes), decimalBytes, ratio)
	h.cost("Latency p50", "batch of 1", d.P50Ms, p.P50Ms, millis, speed)
	h.cost("Latency p99", "batch of 1", d.P99Ms, p.P99Ms, millis, speed)
	return h
}

// found adds what detectors reached.
func (h *headline) found(d, p Result) {
	of := func(r Result) Found {
		if r.Found == nil {
			return Found{}
		}
		return *r.Found
	}
	a, b := of(d), of(p)
	h.share("AP@.5", "mean over classes", d, p, a.AP50, b.AP50, nil)
	h.share("AP@[.5:.95]", "as COCO has it", d, p, a.AP, b.AP, nil)
	h.share("Recall", "of the rarest class", d, p, a.Rarest, b.Rarest, nil)
}

// share adds a row of accuracies. Networks that saw no image have none.
func (h *headline) share(name, note string, d, p Result, dv, pv float64, sub func(float64, int) string) {
	if d.Images <= 0 && p.Images <= 0 {
		return
	}
	r := contrast{Name: name, Note: note, Dense: accuracy(d, dv, sub), Pruned: accuracy(p, pv, sub)}
	if d.Images > 0 && p.Images > 0 {
		r.Change = points(dv, pv)
	}
	h.Rows = append(h.Rows, r)
}

func accuracy(r Result, v float64, sub func(float64, int) string) amount {
	if r.Images <= 0 || !isShare(v) {
		return amount{Text: none}
	}
	a := amount{Text: percent(v), Bar: px(100 * v)}
	if sub != nil {
		a.Sub = sub(v, r.Images)
	}
	return a
}

// interval is the 95 % interval of an accuracy, "88 to 95".
func interval(v float64, n int) string {
	lo, hi := wilson(v, n)
	return fmt.Sprintf("%.0f to %.0f%s%%", 100*lo, 100*hi, space)
}

// cost adds a row where less is better; nothing measured is no row.
func (h *headline) cost(name, note string, d, p float64, format func(float64) string, change func(a, b float64) string) {
	lo, top, ok := span(d, p)
	if !ok || lo < 0 || top <= 0 {
		return
	}
	one := func(v float64) amount {
		if !drawable(v) || v <= 0 {
			return amount{Text: none}
		}
		return amount{Text: format(v), Bar: px(100 * v / top)}
	}
	h.Rows = append(h.Rows, contrast{Name: name, Note: note, Dense: one(d), Pruned: one(p), Change: change(d, p)})
}

// speed says how much faster b is than a.
func speed(a, b float64) string {
	if r := ratio(b, a); a >= b && r != "" {
		return r + " as fast"
	}
	if r := ratio(a, b); r != "" {
		return r + " the time"
	}
	return ""
}

func decimal(v float64) string      { return prefixed(v, "") }
func decimalBytes(v float64) string { return prefixed(v, "B") }

func orEmpty(r *Result) Result {
	if r == nil {
		return Result{}
	}
	return *r
}

// measured says on how many images of what the networks were measured.
func measured(results ...*Result) string {
	for _, r := range results {
		if r == nil || r.Images <= 0 {
			continue
		}
		on := r.On
		if on == "" {
			on = "images"
		}
		if r.Found != nil {
			return fmt.Sprintf("Average precision on %d%s%s; recall at the score that suits the pictures turns were judged by.", r.Images, space, on)
		}
		return fmt.Sprintf("Accuracies on %d%s%s; the range beneath is their 95 %% interval.", r.Images, space, on)
	}
	return ""
}
