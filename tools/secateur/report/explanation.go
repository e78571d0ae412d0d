package report

import (
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/explain"
)

// explanationView is an explanation as its template wants it. What a Page has too is laid out by the same code.
type explanationView struct {
	*view
	X       *explain.Explanation
	Summary string
	Reasons []reasonKey
	Layers  []layerView
	Cards   []cardView
	Heats   []*heat
	Agree   *matrix
	Maps    *mapsView
	Scenes  []boxedView // of a detector
	Shown   []shownPicture
}

// reasonKey is one line of the legend of reasons.
type reasonKey struct {
	Class, Name string
	Count       int
}

// layerView is a bar of a layer's filters; lengths are in percent of the widest layer.
type layerView struct {
	Name          string
	Before, After int
	Kept          string
	Parts         []layerPart
}

type layerPart struct {
	Class, Title string
	Width        string
}

// shownPicture is a picture that patches are cut from.
type shownPicture struct {
	ID            string
	Width, Height int
	Source        template.URL
	scale         px // from the picture's own pixels
}

// WriteExplanation writes the page of an explanation, whole or not at all. It reads the pictures it shows.
func WriteExplanation(w io.Writer, x *explain.Explanation, when time.Time, machine string) error {
	v, err := newExplanation(x, when, machine)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return write(w, "explanation.html", v)
}

func newExplanation(x *explain.Explanation, when time.Time, machine string) (*explanationView, error) {
	p := &Page{Title: "Why these filters went", When: when, Machine: machine, Dense: ResultOf(&x.Before, x.Classes),
		Pruned: ResultOf(&x.After, x.Classes), TurnsBy: accuracyOf(x) + ", " + x.JudgedOn, Notes: x.Notes}
	for _, t := range x.Turns {
		p.Turns = append(p.Turns, Turn(t))
	}
	var err error
	if p.Pictures, err = flipped(x); err != nil {
		return nil, err
	}
	v := &explanationView{X: x, Reasons: reasonKeys(x), Layers: layerViews(x), Agree: agreement(x)}
	if v.view, err = newView(p); err != nil {
		return nil, err
	}
	if v.Maps, err = newMaps(x.Relevance, x.Classes); err != nil {
		return nil, err
	}
	for _, h := range x.Heats {
		v.Heats = append(v.Heats, newHeat(h, x.Classes))
	}
	v.Summary = summaryOf(x)
	pictures := &gallery{at: map[string]int{}}
	if v.Scenes, err = newScenes(x, pictures); err != nil {
		return nil, err
	}
	for _, c := range x.Cards {
		card, err := newCard(c, x, pictures)
		if err != nil {
			return nil, err
		}
		v.Cards = append(v.Cards, card)
	}
	v.Shown = pictures.shown
	return v, nil
}

// accuracyOf is what accuracies are called.
func accuracyOf(x *explain.Explanation) string {
	if x.Detector {
		return averagePrecision
	}
	return "accuracy"
}

// mostFlips bounds the changed decisions that are shown.
const mostFlips = 24

// flipped are pictures that the networks judge differently: broken, mended and otherwise changed ones in turn.
func flipped(x *explain.Explanation) ([]Picture, error) {
	kinds := make([][]explain.Flip, 3)
	for _, f := range x.Changed {
		k := kindOf(f)
		kinds[k] = append(kinds[k], f)
	}
	var list []Picture
	for i := 0; i < len(x.Changed); i++ {
		for _, k := range kinds {
			if i >= len(k) || len(list) == mostFlips {
				continue
			}
			p, err := flippedPicture(k[i], x.Classes)
			if err != nil {
				return nil, err
			}
			list = append(list, p)
		}
	}
	return list, nil
}

// kindOf is 0 for a decision that was right before, 1 for one that is right now, 2 for neither.
func kindOf(f explain.Flip) int {
	switch f.Class {
	case f.Before.Class:
		return 0
	case f.After.Class:
		return 1
	}
	return 2
}

func flippedPicture(f explain.Flip, classes []string) (Picture, error) {
	img, err := data.Decode(f.Path)
	if err != nil {
		return Picture{}, err
	}
	return Picture{Name: f.Name, Image: img.Image(), Class: classes[f.Class], Dense: Prediction{classes[f.Before.Class], f.Before.Score},
		Pruned: Prediction{classes[f.After.Class], f.After.Score}}, nil
}

// Flips counts the changed decisions.
func (v *explanationView) Flips() string {
	var n [3]int
	for _, f := range v.X.Changed {
		n[kindOf(f)]++
	}
	s := fmt.Sprintf("Of %s, %d are judged differently after pruning: %d broken, %d mended, %d wrong before and after", plural(v.X.Before.Images, "test image"),
		len(v.X.Changed), n[0], n[1], n[2])
	if len(v.X.Changed) > mostFlips {
		s += fmt.Sprintf("; %d of them are shown", mostFlips)
	}
	return s + "."
}

func summaryOf(x *explain.Explanation) string {
	before, after := 0, 0
	for _, l := range x.Layers {
		before, after = before+l.Before, after+l.After
	}
	s := fmt.Sprintf("%d of %d filters were removed by %s (%s allocation, goal %s).", before-after, before, x.Prune.Criterion, x.Prune.Allocator, x.Prune.Budget)
	if x.Phase != "done" {
		s += " The run is not finished: it stands in phase " + x.Phase + "."
	}
	return s
}

// classOf is a reason's name in the style sheet.
func classOf(r explain.Reason) string { return "r-" + strings.ReplaceAll(string(r), " ", "-") }

func reasonKeys(x *explain.Explanation) []reasonKey {
	var keys []reasonKey
	for _, r := range explain.Reasons {
		n := 0
		for _, l := range x.Layers {
			n += l.Reasons[r]
		}
		if n > 0 {
			keys = append(keys, reasonKey{classOf(r), string(r), n})
		}
	}
	return keys
}

func layerViews(x *explain.Explanation) []layerView {
	widest := 1
	for _, l := range x.Layers {
		widest = max(widest, l.Before)
	}
	wide := func(n int) string { return strconv.FormatFloat(100*float64(n)/float64(widest), 'f', 2, 64) }
	var list []layerView
	for _, l := range x.Layers {
		v := layerView{Name: l.Name, Before: l.Before, After: l.After, Kept: wide(l.After)}
		for _, r := range explain.Reasons {
			if n := l.Reasons[r]; n > 0 {
				v.Parts = append(v.Parts, layerPart{classOf(r), fmt.Sprintf("%s: %d", r, n), wide(n)})
			}
		}
		list = append(list, v)
	}
	return list
}

// agreement is the matrix of Spearman's ρ; nil with fewer than two criteria.
func agreement(x *explain.Explanation) *matrix {
	if len(x.Criteria) < 2 {
		return nil
	}
	var names []string
	for _, c := range x.Criteria {
		names = append(names, c.Name)
	}
	m := emptyMatrix("Agreement", names)
	m.Label = fmt.Sprintf("Rank correlation of %d criteria", len(names))
	for i, row := range x.Agreement {
		for j, r := range row {
			m.Cells = append(m.Cells, m.correlation(i, j, r, names))
		}
	}
	return m
}

func (m *matrix) correlation(i, j int, r float64, names []string) matrixCell {
	c := matrixCell{X: m.Left + m.Side*px(j), Y: m.Top + m.Side*px(i), Class: "right",
		Opacity: strconv.FormatFloat(min(max(r, -r), 1), 'f', 2, 64), Title: fmt.Sprintf("%s and %s: %.2f", names[i], names[j], r)}
	if r < 0 {
		c.Class = "wrong"
	}
	return c
}

// gallery is the pictures of a page, each embedded once.
type gallery struct {
	at    map[string]int // by path
	shown []shownPicture
}

func (g *gallery) show(path string) (*shownPicture, error) {
	i, ok := g.at[path]
	if !ok {
		img, err := data.Decode(path)
		if err != nil {
			return nil, err
		}
		src, err := Picture{Name: filepath.Base(path), Image: img.Image()}.source()
		if err != nil {
			return nil, err
		}
		w, h := thumbSize(img.W, img.H)
		i = len(g.shown)
		g.at[path] = i
		g.shown = append(g.shown, shownPicture{"p" + strconv.Itoa(i), w, h, src, scaleOf(img.Image().Bounds())})
	}
	return &g.shown[i], nil
}
