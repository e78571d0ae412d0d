package report

import (
	"fmt"
	"strconv"
)

// turnsView is the way from the dense network to the pruned one.
type turnsView struct {
	Chart *chart // nil: fewer than two turns to draw
	Rows  []turnRow
	By    string
}

type turnRow struct {
	Turn                            int
	MACs, Params, Removed, Accuracy string
	Accepted                        bool
	Why                             string
}

func newTurns(turns []Turn, by string) *turnsView {
	if len(turns) == 0 {
		return nil
	}
	if by == "" {
		by = "accuracy"
	}
	v := &turnsView{Chart: turnsChart(turns, by), By: by}
	for _, t := range turns {
		v.Rows = append(v.Rows, turnRow{t.Turn, count(t.MACs), count(t.Params), count(int64(t.Removed)), percent(t.Accuracy), t.Accepted, why(t)})
	}
	return v
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

// turnsChart draws accuracy over MACs: the accepted turns as a line, the rolled-back ones hollow at the
// end of a dotted line from the network they started from.
func turnsChart(turns []Turn, by string) *chart {
	var macs, accs []float64
	for _, t := range turns {
		if isShare(t.Accuracy) && t.MACs > 0 {
			macs, accs = append(macs, float64(t.MACs)), append(accs, 100*t.Accuracy)
		}
	}
	if len(macs) < 2 {
		return nil
	}
	loX, hiX, _ := span(macs...)
	loY, hiY, _ := span(accs...)
	div, name := unit(hiX)
	x, y := roundAxis(loX/div, hiX/div, 5), roundAxis(loY-1, hiY+1, 5).within(0, 100)
	label := fmt.Sprintf("%s over MACs, %d turns, %s to %s", by, len(turns), count(int64(hiX)), count(int64(loX)))
	c := newChart(label, "MACs"+name, by+", %", plainTop, &x, &y)
	c.turns(turns, x, y, div)
	return c
}

// turns draws the turns and the legend.
func (c *chart) turns(turns []Turn, x, y axis, div float64) {
	var kept []vertex
	rolled := false
	for _, t := range turns {
		if !isShare(t.Accuracy) || t.MACs <= 0 {
			continue
		}
		v := vertex{float64(t.MACs) / div, 100 * t.Accuracy, turnTitle(t)}
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

func turnTitle(t Turn) string {
	s := fmt.Sprintf("turn %d: %s MACs, %s, %s removed", t.Turn, count(t.MACs), percent(t.Accuracy), plural(t.Removed, "filter"))
	if !t.Accepted {
		s += ", rolled back"
	}
	return s
}
