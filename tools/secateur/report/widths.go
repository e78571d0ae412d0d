package report

import (
	"slices"
	"strconv"
	"strings"
)

// widthsView shows what is left of every layer.
type widthsView struct {
	Rows    []widthRow
	Widest  int
	Before  int // filters of all layers
	Removed int
	Strips  bool // some layer knows which filters stayed
}

// widthRow is a bar in a frame of Widest × 12; lengths are numbers of filters.
type widthRow struct {
	Layer         string
	Before, After int
	Strip         string // path of the kept filters; empty: not known
	Share         string
	Widest        int
}

// newWidths leaves out layers without a filter.
func newWidths(widths []Width) *widthsView {
	v := &widthsView{}
	for _, w := range widths {
		if w.Before <= 0 {
			continue
		}
		after := min(max(w.After, 0), w.Before)
		r := widthRow{w.Layer, w.Before, after, strip(w.Kept, w.Before), percent(float64(after) / float64(w.Before)), 0}
		v.Rows = append(v.Rows, r)
		v.Widest = max(v.Widest, w.Before)
		v.Before += w.Before
		v.Removed += w.Before - after
		v.Strips = v.Strips || r.Strip != ""
	}
	if len(v.Rows) == 0 {
		return nil
	}
	for i := range v.Rows {
		v.Rows[i].Widest = v.Widest
	}
	return v
}

// Total says how many filters went.
func (v *widthsView) Total() string {
	return plural(v.Removed, "filter") + " of " + strconv.Itoa(v.Before) + " removed"
}

// strip draws the kept filters of n as boxes at their places, neighbours as one.
func strip(kept []int, n int) string {
	kept = slices.Clone(kept)
	slices.Sort(kept)
	kept = slices.Compact(kept)
	var d strings.Builder
	for i := 0; i < len(kept); {
		j := i + 1
		for j < len(kept) && kept[j] == kept[j-1]+1 {
			j++
		}
		if from, to := max(kept[i], 0), min(kept[j-1]+1, n); from < to {
			w := strconv.Itoa(to - from)
			d.WriteString("M" + strconv.Itoa(from) + " 9h" + w + "v3h-" + w + "z")
		}
		i = j
	}
	return d.String()
}
