package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/study"
)

// critical is a laid-out critical-difference diagram (Demšar 2006): selectors hang from an axis of mean ranks, the best at
// the left, and bars join those that do not differ.
type critical struct {
	Width, Height px
	Label, Note   string
	Left, Right   px // of the axis
	Axis          px
	Ticks         []tick
	Scale         string // path of the critical difference above the axis
	ScaleText     text
	Hangers       []hanger
	Bars          []string
}

// hanger is one selector: a line from its rank to its name.
type hanger struct {
	D, Class, Title string
	X, Y            px
	Name            string
	End             bool // the name ends at X
}

// Steps of the diagram, in user units.
const (
	axisDown   = 48 // the axis, below the scale of the critical difference
	barStep    = 6
	hangerStep = 17
)

// newCritical is nil where there is nothing to rank.
func newCritical(r study.Ranking) *critical {
	k := len(r.Selectors)
	if k < 2 || r.Blocks < 2 {
		return nil
	}
	order := make([]int, k)
	longest := 0
	for i, s := range r.Selectors {
		order[i], longest = i, max(longest, len([]rune(shorten(s))))
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(r.Ranks[a], r.Ranks[b]) })
	room := px(digitWidth*float64(longest)) + 14
	x := axis{lo: 1, hi: float64(k), step: max(1, roundStep(float64(k)/8)), from: room, to: chartWidth - room}
	c := &critical{Width: chartWidth, Left: x.from, Right: x.to, Axis: axisDown, Ticks: x.ticks(), Label: fmt.Sprintf("mean ranks of %d selectors over %d settings", k, r.Blocks),
		Note: fmt.Sprintf("Friedman over %s: p%s%s. Mean ranks differ at 5 %% (Nemenyi) when they are %.2f apart.", plural(r.Blocks, "setting"), space, three(r.P), r.Critical)}
	c.scale(r.Critical, x)
	bars := c.join(r, order, x)
	c.hang(r, order, x, c.Axis+10+barStep*px(bars))
	return c
}

// scale draws the critical difference above the axis, as far as that goes.
func (c *critical) scale(cd float64, x axis) {
	to := x.at(min(1+cd, x.hi))
	c.Scale = fmt.Sprintf("M%s 16v8M%s 20H%sM%s 16v8", x.from, x.from, to, to)
	label := fmt.Sprintf("critical difference %.2f", cd)
	if 1+cd > x.hi {
		label += ", more than the axis"
	}
	c.ScaleText = text{x.from, 11, label}
}

// join draws a bar beneath each longest run of selectors within the critical difference and returns their number.
func (c *critical) join(r study.Ranking, order []int, x axis) int {
	last := -1
	for i := range order {
		j := i
		for j+1 < len(order) && r.Ranks[order[j+1]]-r.Ranks[order[i]] <= r.Critical {
			j++
		}
		if j > i && j > last {
			y := c.Axis + 8 + barStep*px(len(c.Bars))
			c.Bars = append(c.Bars, fmt.Sprintf("M%s %sH%s", x.at(r.Ranks[order[i]])-3, y, x.at(r.Ranks[order[j]])+3))
			last = j
		}
	}
	return len(c.Bars)
}

// hang writes the better half to the left and the other to the right, the outermost highest.
func (c *critical) hang(r study.Ranking, order []int, x axis, top px) {
	half := (len(order) + 1) / 2
	for i, s := range order {
		down, at, end := i, x.from-8, true
		if i >= half {
			down, at, end = len(order)-1-i, x.to+8, false
		}
		y := top + 10 + hangerStep*px(down)
		h := hanger{X: at, Y: y + 3.5, End: end, Name: shorten(r.Selectors[s]), Title: fmt.Sprintf("%s: mean rank %.2f", r.Selectors[s], r.Ranks[s]),
			D: fmt.Sprintf("M%s %sV%sH%s", x.at(r.Ranks[s]), c.Axis, y, at)}
		if end {
			h.X -= 3
		} else {
			h.X += 3
		}
		if r.Selectors[s] == study.Random {
			h.Class = "train"
		}
		c.Hangers = append(c.Hangers, h)
		c.Height = max(c.Height, y+10)
	}
}
