package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// turnsView is the way from the dense network to the pruned one.
type turnsView struct {
	Charts []*chart // none of fewer than two turns
	Rows   []turnRow
	Column string
	Legend string // what it is
	Timed  bool
	Beside bool // the table stands beside the chart
}

type turnRow struct {
	Turn                                  int
	MACs, Time, Params, Removed, Accuracy string
	Accepted                              bool
	Why                                   string
}

func newTurns(turns []Turn, by string) *turnsView {
	if len(turns) == 0 {
		return nil
	}
	if by == "" {
		by = "accuracy"
	}
	v := &turnsView{Column: "Accuracy", Legend: "Accuracy: " + by}
	if strings.HasPrefix(by, averagePrecision) {
		v.Column, v.Legend = averagePrecision, by
	}
	for _, c := range []*cost{costOfMACs(turns), costOfTime()} {
		if chart := turnsChart(turns, by, c); chart != nil {
			v.Charts = append(v.Charts, chart)
		}
	}
	v.Beside = len(v.Charts) < 2
	for _, t := range turns {
		r := turnRow{Turn: t.Turn, MACs: count(t.MACs), Params: count(t.Params), Removed: count(int64(t.Removed)), Accuracy: percent(t.Accuracy), Accepted: t.Accepted, Why: why(t)}
		if t.Latency > 0 {
			r.Time, v.Timed = millis(t.Latency), true
		}
		v.Rows = append(v.Rows, r)
	}
	return v
}

// averagePrecision is what a detector's turns are shown by.
const averagePrecision = "AP@.5"

// cost is what turns are drawn over: of a turn, in some unit.
type cost struct {
	axis, name string
	of         func(Turn) float64
	text       func(float64) string
	unit       string // behind text
}

func costOfMACs(turns []Turn) *cost {
	top := 0.0
	for _, t := range turns {
		top = max(top, float64(t.MACs))
	}
	div, name := unit(top)
	return &cost{"MACs" + name, "MACs", func(t Turn) float64 { return float64(t.MACs) / div }, func(v float64) string { return count(int64(math.Round(v * div))) }, " MACs"}
}

func costOfTime() *cost {
	return &cost{"ms for one picture", "time", func(t Turn) float64 { return t.Latency }, millis, ""}
}

// why says what became of a turn, unless it was simply accepted.
func why(t Turn) string {
	switch {
	case t.Accepted:
		return t.Reason
	case t.Reason == "":
		return "rolled back"
	}
	return "rolled back: " + t.Reason
}

// turnsChart draws accuracy over a cost: the accepted turns as a line, the rolled-back ones hollow at the
// end of a dotted line from the network they started from. It is nil where fewer than two have both.
func turnsChart(turns []Turn, by string, of *cost) *chart {
	var costs, accs []float64
	for _, t := range turns {
		if isShare(t.Accuracy) && of.of(t) > 0 {
			costs, accs = append(costs, of.of(t)), append(accs, 100*t.Accuracy)
		}
	}
	if len(costs) < 2 {
		return nil
	}
	loX, hiX, _ := span(costs...)
	loY, hiY, _ := span(accs...)
	x, y := roundAxis(loX, hiX, 5), roundAxis(loY-1, hiY+1, 5).within(0, 100)
	label := fmt.Sprintf("%s over %s, %d turns, %s to %s", by, of.name, len(turns), of.text(hiX), of.text(loX))
	c := newChart(label, of.axis, by+", %", plainTop, &x, &y)
	c.turns(turns, x, y, of)
	return c
}

// turns draws the turns and the legend.
func (c *chart) turns(turns []Turn, x, y axis, of *cost) {
	var kept []vertex
	rolled := false
	for _, t := range turns {
		if !isShare(t.Accuracy) || of.of(t) <= 0 {
			continue
		}
		v := vertex{of.of(t), 100 * t.Accuracy, turnTitle(t, of)}
		if t.Accepted {
			kept = append(kept, v)
			c.label(x.at(v.x), y.at(v.y)-7, strconv.Itoa(t.Turn))
			continue
		}
		if n := len(kept); n > 0 {
			c.series("rolled", circle, x, y, []vertex{kept[n-1], v}, false)
		}
		c.Marks = append(c.Marks, mark{"rolled", circle(x.at(v.x), y.at(v.y)), v.title})
		c.label(x.at(v.x), c.beside(y.at(v.y)), strconv.Itoa(t.Turn))
		rolled = true
	}
	c.series("kept", circle, x, y, kept, true)
	c.legend("kept", "turn accepted", circle, false)
	if rolled {
		c.legend("rolled", "rolled back", circle, false)
	}
}

// beside is the baseline of a label under a point, or over it where the axis is near.
func (c *chart) beside(y px) px {
	if y+18 > c.Bottom {
		return y - 7
	}
	return y + 14
}

func turnTitle(t Turn, of *cost) string {
	s := fmt.Sprintf("turn %d: %s, %s, %s removed", t.Turn, of.text(of.of(t))+of.unit, percent(t.Accuracy), plural(t.Removed, "filter"))
	if !t.Accepted {
		s += ", rolled back"
	}
	return s
}
