package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/secateur/secateur/core/explain"
)

// cardView is a filter's card, laid out.
type cardView struct {
	Title, State, Class, Reason, Sentence string
	Removed                               bool
	Patches                               []patchView
	Nearest                               string
	Beside                                []patchView // of the nearest kept filter
	Classes                               *histogram
	Ranks                                 *dots
	Facts                                 []Fact
}

// patchView is a piece of a picture, and where it lies on it, in the picture's own pixels.
type patchView struct {
	ID, Label           string
	Width, Height       int // of the picture
	X, Y, Wide, High    px
	Class, Name, Weight string
}

func newCard(c explain.Card, x *explain.Explanation, pictures *gallery) (cardView, error) {
	v := cardView{Title: fmt.Sprintf("%s, filter %d", c.Layer, c.Filter), State: "kept", Class: classOf(c.Reason), Reason: string(c.Reason),
		Sentence: c.Sentence, Removed: c.Removed, Classes: newHistogram(c, x), Ranks: newDots(c, x.Criteria), Facts: cardFacts(c, x)}
	if c.Removed {
		v.State = fmt.Sprintf("removed in turn %d", c.Turn)
	}
	var err error
	if v.Patches, err = patchViews(c.Patches, x.Kinds(), pictures); err != nil {
		return v, err
	}
	if c.Nearest != nil {
		v.Nearest = fmt.Sprintf("Nearest kept filter: %d, correlation %.2f", c.Nearest.Filter, c.Nearest.Correlation)
		v.Beside, err = patchViews(c.Nearest.Patches, x.Kinds(), pictures)
	}
	return v, err
}

func patchViews(list []explain.Patch, classes []string, pictures *gallery) ([]patchView, error) {
	var out []patchView
	for _, p := range list {
		s, err := pictures.show(p.Path)
		if err != nil {
			return nil, err
		}
		w, h := px(s.Width), px(s.Height)
		out = append(out, patchView{ID: s.ID, Width: s.Width, Height: s.Height, X: px(p.Box[0]) * w, Y: px(p.Box[1]) * h,
			Wide: px(p.Box[2]-p.Box[0]) * w, High: px(p.Box[3]-p.Box[1]) * h, Class: classes[p.Class], Name: p.Image, Weight: three(p.Value)})
	}
	return out, nil
}

// cardFacts are the numbers of a card.
func cardFacts(c explain.Card, x *explain.Explanation) []Fact {
	facts := []Fact{{"Tells of the class", tells(c)}, {"Responds on", percent(c.Active) + " of positions"},
		{"Influence on the decision", percent(c.Influence) + " of its layer's"}, {"Costs", percent(c.Cost) + " of the multiply–adds"}}
	if n := c.Nearest; n != nil && c.Removed {
		facts = append(facts, Fact{"Left when rebuilt", percent(min(max(n.Residual, 0), 1)) + " of its variance, from the kept filters"})
	}
	if w := c.Without; w != nil {
		facts = append(facts, Fact{"Without it", without(w, x)})
	}
	return facts
}

func tells(c explain.Card) string {
	if c.P == 0 {
		return "too few images a class to say"
	}
	if b := c.Between; b[1] > 0 {
		return fmt.Sprintf("ω² %.2f (%.2f to %.2f on redrawn pictures), p %.3g", c.Omega, b[0], b[1], c.P)
	}
	return fmt.Sprintf("ω² %.2f, p %.3g", c.Omega, c.P)
}

// without says loss and accuracy, and the classes that change.
func without(w *explain.Without, x *explain.Explanation) string {
	s := fmt.Sprintf("loss %+.4f (p %.2g), %s %s on %s", w.Loss, w.P, accuracyOf(x), percent(w.Accuracy), x.JudgedOn)
	s = strings.Replace(s, "loss -", "loss −", 1)
	return s + "; " + changedClasses(w, x)
}

// changedClasses are the classes whose accuracy is another without the filter.
func changedClasses(w *explain.Without, x *explain.Explanation) string {
	var parts []string
	for c, a := range w.PerClass {
		if c < len(x.Whole) && math.Abs(a-x.Whole[c]) > 1e-9 {
			parts = append(parts, x.Classes[c]+" "+points(x.Whole[c], a))
		}
	}
	if parts == nil {
		return "no class changes"
	}
	return strings.Join(parts, ", ")
}

// histogram is rows of bars, one row a class, over the mean activation.
type histogram struct {
	Width, Height px
	Title, Label  string
	Rows          []histogramRow
	Low, High     string
	Left, Right   px
}

type histogramRow struct {
	Y, Base px
	Name    string
	Bars    string // path
	Title   string
}

// The frame of the small charts of a card, in user units.
const (
	cardWidth    = 340
	cardLeft     = 96
	cardRow      = 18
	cardBins     = 20
	shownClasses = 12
)

// newHistogram is nil where no image has a value.
func newHistogram(c explain.Card, x *explain.Explanation) *histogram {
	var all []float64
	for _, v := range c.Pooled {
		all = append(all, v...)
	}
	lo, hi, ok := span(all...)
	if !ok {
		return nil
	}
	h := &histogram{Width: cardWidth, Left: cardLeft, Right: cardWidth - 6, Title: "Mean activation by class",
		Label: "Mean activation on the images of each class", Low: three(lo), High: three(hi)}
	classes, noun := x.Kinds(), "image"
	if x.Detector {
		h.Title, h.Label, noun = "Mean activation by box", "Mean activation in the boxes of each class and in boxes on background", "box"
	}
	for k, v := range c.Pooled[:min(len(c.Pooled), shownClasses)] {
		base := px(len(h.Rows)+1) * cardRow
		h.Rows = append(h.Rows, histogramRow{Y: base - 4, Base: base, Name: shorten(classes[k]), Bars: h.bars(v, lo, hi, base),
			Title: fmt.Sprintf("%s: %s, mean %s", classes[k], plural(len(v), noun), three(average(v)))})
	}
	h.Height = px(len(h.Rows))*cardRow + 14
	return h
}

func average(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(max(len(v), 1))
}

// bars is the histogram of v as a path of boxes; the fullest bin is as high as the row.
func (h *histogram) bars(v []float64, lo, hi float64, base px) string {
	var count [cardBins]int
	top := 1
	for _, x := range v {
		b := 0
		if hi > lo {
			b = min(int((x-lo)/(hi-lo)*cardBins), cardBins-1)
		}
		count[b]++
		top = max(top, count[b])
	}
	var d strings.Builder
	wide := (h.Right - h.Left) / cardBins
	for b, n := range count {
		if n > 0 {
			high := px(n) / px(top) * (cardRow - 4)
			fmt.Fprintf(&d, "M%s %sv-%sh%sv%sz", h.Left+wide*px(b), base, high, wide-0.5, high)
		}
	}
	return d.String()
}

// Below is the line of the labels of the axis.
func (h *histogram) Below() px { return h.Height - 2 }

// dots is a filter's percentile under every criterion, a row a family.
type dots struct {
	Width, Height px
	Label         string
	Rows          []dotRow
	Left, Right   px
}

type dotRow struct {
	Y, Text px
	Name    string
	Marks   []mark
}

func newDots(c explain.Card, criteria []explain.Criterion) *dots {
	d := &dots{Width: cardWidth, Left: cardLeft, Right: cardWidth - 8, Label: "Percentile in the layer under every criterion"}
	row := map[string]int{}
	for i, k := range criteria {
		if c.Ranks[i] < 0 {
			continue
		}
		at, ok := row[k.Family]
		if !ok {
			at = len(d.Rows)
			row[k.Family] = at
			y := px(at)*cardRow + cardRow/2
			d.Rows = append(d.Rows, dotRow{Y: y, Text: y + 3.5, Name: k.Family})
		}
		r := &d.Rows[at]
		x := d.Left + px(c.Ranks[i])*(d.Right-d.Left)
		r.Marks = append(r.Marks, mark{"val", circle(x, r.Y), k.Name + ": " + strconv.Itoa(int(math.Round(100*c.Ranks[i]))) + " %"})
	}
	if len(d.Rows) == 0 {
		return nil
	}
	d.Height = px(len(d.Rows))*cardRow + 14
	return d
}

// Below is the line of the labels of the axis.
func (d *dots) Below() px { return d.Height - 2 }

// heat is a map of classes and filters.
type heat struct {
	Title, Label        string
	Width, Height, Left px
	Side, High, Strip   px // width and height of a cell; top of the strip of removed filters
	Rows                []matrixName
	Cells               []matrixCell
	Gone                string // path of the removed filters
}

func newHeat(h explain.Heat, classes []string) *heat {
	v := &heat{Title: h.Layer, Width: chartWidth, Left: cardLeft, High: 16}
	v.Side = (v.Width - v.Left - 2) / px(max(len(h.Filters), 1))
	v.Side = min(v.Side, 22)
	v.Strip = px(len(h.Share))*v.High + 3
	v.Height = v.Strip + 8
	v.Label = fmt.Sprintf("Influence of %d filters of %s on %d classes", len(h.Filters), h.Layer, len(classes))
	for c, row := range h.Share {
		y := px(c) * v.High
		v.Rows = append(v.Rows, matrixName{v.Left - 5, y + 11.5, shorten(classes[c]), classes[c]})
		for i, s := range row {
			v.Cells = append(v.Cells, matrixCell{X: v.Left + v.Side*px(i), Y: y, Class: "right", Opacity: strconv.FormatFloat(math.Sqrt(min(max(s, 0), 1)), 'f', 2, 64),
				Title: fmt.Sprintf("%s, filter %d: %s of the largest", classes[c], h.Filters[i], percent(s))})
		}
	}
	var d strings.Builder
	for i, gone := range h.Removed {
		if gone {
			fmt.Fprintf(&d, "M%s %sh%sv5h-%sz", v.Left+v.Side*px(i), v.Strip, v.Side, v.Side)
		}
	}
	v.Gone = d.String()
	return v
}
