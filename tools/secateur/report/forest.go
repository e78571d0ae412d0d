package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/secateur/secateur/core/study"
)

// rowHeight is that of one selector in a forest plot.
const rowHeight = 18

// newForest draws the mean of each selector with its 95 % interval, a row each, and the dense network as a line with its
// interval behind them; nil where nothing is defined.
func newForest(t study.Table) *chart {
	lines := defined(t.Lines)
	if len(lines) == 0 {
		return nil
	}
	lo, hi := t.Low, t.High
	longest := 0
	for _, l := range lines {
		lo, hi = math.Min(lo, l.Low), math.Max(hi, l.High)
		longest = max(longest, len([]rune(l.Selector)))
	}
	c := &chart{Width: chartWidth, Top: plainTop, Bottom: plainTop + rowHeight*px(len(lines)), Left: px(digitWidth*float64(longest)) + 10,
		Right: chartWidth - 10, XLabel: "accuracy, %, with 95 % interval", YLabel: "selector", Label: "accuracy of " + plural(len(lines), "selector")}
	c.Height = c.Bottom + 36
	x := roundAxis(lo, hi, 5).within(0, 100)
	x.from, x.to = c.Left, c.Right
	c.XTicks = x.ticks()
	c.dense(t, x)
	for i, l := range lines {
		c.row(l, x, c.Top+rowHeight*(px(i)+0.5))
	}
	c.forestKeys()
	return c
}

func defined(lines []study.Line) []study.Line {
	var list []study.Line
	for _, l := range lines {
		if l.Skipped == "" {
			list = append(list, l)
		}
	}
	return list
}

// dense draws the dense network: a vertical line, its interval shaded.
func (c *chart) dense(t study.Table, x axis) {
	from, to, at := x.at(t.Low), x.at(t.High), x.at(t.Dense)
	c.Areas = append(c.Areas, line{"dense", fmt.Sprintf("M%s %sH%sV%sH%sz", from, c.Top, to, c.Bottom, from)})
	c.Lines = append(c.Lines, line{"dense", fmt.Sprintf("M%s %sV%s", at, c.Top, c.Bottom)})
}

// forestClasses are what rows of a forest plot can be, in the order of the legend.
var forestClasses = []struct {
	class, name string
	shape       func(x, y px) string
}{{"kept", "selector", dot}, {"train", "random filters", dot}, {"val", "control: the whole network", square}}

// forestKeys explains the marks that are there.
func (c *chart) forestKeys() {
	for _, f := range forestClasses {
		if slices.ContainsFunc(c.Marks, func(m mark) bool { return m.Class == f.class }) {
			c.legend(f.class, f.name, f.shape, false)
		}
	}
	c.legend("dense", "dense network", nothing, false)
}

// row draws one selector.
func (c *chart) row(l study.Line, x axis, y px) {
	class, shape := "kept", dot
	switch {
	case l.Control:
		class, shape = "val", square
	case l.Selector == study.Random:
		class = "train"
	}
	c.YTicks = append(c.YTicks, tick{y, l.Selector})
	c.Lines = append(c.Lines, line{class + " span", fmt.Sprintf("M%s %sH%s", x.at(l.Low), y, x.at(l.High))})
	c.Marks = append(c.Marks, mark{class, shape(x.at(l.Accuracy), y), fmt.Sprintf("%s: %.1f %%, %.1f to %.1f over %s", l.Selector, l.Accuracy, l.Low, l.High,
		plural(l.Seeds, "draw"))})
}

// nothing is the mark of a line without marks.
func nothing(x, y px) string { return "" }
