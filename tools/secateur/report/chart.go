package report

import "strings"

// The frame of a chart, in user units. It is drawn one to one on a phone and grows on a desk.
const (
	chartWidth  = 360
	chartHeight = 230
	digitWidth  = 6.2 // of the tick labels, a little generous
	plainTop    = 24  // above the plot: the name of the y axis
	bandedTop   = 38  // and the names of the bands
)

// chart is a laid-out line chart: the template only writes it down. The order of the fields is the
// order of drawing.
type chart struct {
	Width, Height            px
	Left, Right, Top, Bottom px // the edges of the plot
	Label                    string
	XLabel, YLabel           string
	Bands                    []band
	XTicks, YTicks           []tick
	Rules                    []px // vertical lines
	Areas                    []line
	Lines                    []line
	Marks                    []mark
	Texts                    []text
	Keys                     []key
}

// PlotHeight is the height of the plot.
func (c *chart) PlotHeight() px { return c.Bottom - c.Top }

// BandText is where the names of the bands stand, above the plot.
func (c *chart) BandText() px { return c.Top - 5 }

// TickText is the right edge of the labels of the y axis.
func (c *chart) TickText() px { return c.Left - 5 }

// Below is the line of the labels of the x axis, Lowest that of its name.
func (c *chart) Below() px  { return c.Bottom + 15 }
func (c *chart) Lowest() px { return c.Bottom + 31 }

type tick struct {
	At    px
	Label string
}

// Down is the baseline of a label beside its tick.
func (t tick) Down() px { return t.At + 3.5 }

// band shades a stretch of the x axis.
type band struct {
	X, Width, Middle px
	Label, Title     string
	Odd              bool
}

type line struct{ Class, D string }

type mark struct{ Class, D, Title string }

type text struct {
	X, Y px
	Text string
}

// key is one line of the legend: a piece of the line with its mark.
type key struct{ Class, Line, Mark, Text string }

// newChart is an empty chart with top units above the plot. Its axes are set to the lengths of the plot.
func newChart(label, xLabel, yLabel string, top px, x, y *axis) *chart {
	c := &chart{Width: chartWidth, Height: chartHeight, Top: top, Right: chartWidth - 10, Bottom: chartHeight - 36,
		Label: label, XLabel: xLabel, YLabel: yLabel}
	y.from, y.to = c.Bottom, c.Top
	c.YTicks = y.ticks()
	longest := 0
	for _, t := range c.YTicks {
		longest = max(longest, len(t.Label))
	}
	c.Left = px(digitWidth*float64(longest)) + 10
	x.from, x.to = c.Left, c.Right
	c.XTicks = x.ticks()
	return c
}

// vertex is a point of a series, in the values of the axes.
type vertex struct {
	x, y  float64
	title string
}

// series draws vertices as a line with marks; a vertex that is not drawable breaks the line.
func (c *chart) series(class string, shape func(x, y px) string, x, y axis, vs []vertex, marks bool) {
	var d strings.Builder
	open := false
	for _, v := range vs {
		if !drawable(v.x) || !drawable(v.y) {
			open = false
			continue
		}
		at, up := x.at(v.x), y.at(v.y)
		if open {
			d.WriteString("L" + at.String() + " " + up.String())
		} else {
			d.WriteString("M" + at.String() + " " + up.String() + "h0")
		}
		open = true
		if marks {
			c.Marks = append(c.Marks, mark{class, shape(at, up), v.title})
		}
	}
	c.Lines = append(c.Lines, line{class, d.String()})
}

// circle is a path of radius 3.4 around x, y.
func circle(x, y px) string {
	return "M" + (x - 3.4).String() + " " + y.String() + "a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0 -6.8 0z"
}

// dot is a path of radius 2.2 around x, y.
func dot(x, y px) string {
	return "M" + (x - 2.2).String() + " " + y.String() + "a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0 -4.4 0z"
}

// square is a path of side 4 around x, y.
func square(x, y px) string {
	return "M" + (x - 2).String() + " " + (y - 2).String() + "h4v4h-4z"
}

// legend adds a key: a line (unless bare) with the mark on it.
func (c *chart) legend(class, label string, shape func(x, y px) string, bare bool) {
	k := key{Class: class, Mark: shape(13, 6), Text: label}
	if !bare {
		k.Line = "M1 6h24"
	}
	c.Keys = append(c.Keys, k)
}

// label writes a text unless one stands there already.
func (c *chart) label(x, y px, s string) {
	const wide, high = 13, 10
	for _, t := range c.Texts {
		if near(t.X, x, wide) && near(t.Y, y, high) {
			return
		}
	}
	c.Texts = append(c.Texts, text{x, y, s})
}

func near(a, b, d px) bool { return a-b < d && b-a < d }
