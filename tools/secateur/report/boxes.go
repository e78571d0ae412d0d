package report

import (
	"fmt"
	"html/template"
	"image"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/explain"
)

// boxView is a rectangle on a shown picture, in its units.
type boxView struct {
	X, Y, Wide, High px
	Kind, Title      string // kind is there or seen
}

// boxViews lays boxes over a picture that is shown scale times as large.
func boxViews(kind string, list []eval.Box, scale px) (out []boxView) {
	for _, b := range list {
		v := boxView{X: px(b.XMin) * scale, Y: px(b.YMin) * scale, Wide: px(b.XMax-b.XMin) * scale, High: px(b.YMax-b.YMin) * scale, Kind: kind, Title: b.Class}
		if b.Score > 0 {
			v.Title += fmt.Sprintf(" %.2f", b.Score)
		}
		out = append(out, v)
	}
	return out
}

// overlaid are the boxes that are there with those that a network sees on top.
func overlaid(s *explain.Scene, seen []eval.Box, scale px) []boxView {
	return append(boxViews("there", s.Objects, scale), boxViews("seen", seen, scale)...)
}

// boxedView is a picture with boxes, drawn before and after pruning.
type boxedView struct {
	Name, Change  string
	Width, Height int
	Before, After boxedSide
}

// boxedSide is one network's. Source is a picture of its own, ID one of the page's.
type boxedSide struct {
	Title, ID string
	Source    template.URL
	Boxes     []boxView
	Said      string
}

// drawnSide is one of the two as its template wants it.
type drawnSide struct {
	Name          string
	Width, Height int
	Side          boxedSide
}

func sideOf(v boxedView, s boxedSide) drawnSide { return drawnSide{v.Name, v.Width, v.Height, s} }

// mostScenes bounds the changed pictures that are shown.
const mostScenes = 24

// newScenes shows pictures in which pruning changed what is found: the ones that lost most first.
func newScenes(x *explain.Explanation, pictures *gallery) ([]boxedView, error) {
	var out []boxedView
	for i := range x.Scenes[:min(len(x.Scenes), mostScenes)] {
		s := &x.Scenes[i]
		p, err := pictures.show(s.Path)
		if err != nil {
			return nil, err
		}
		v := boxedView{Name: s.Name, Change: sceneChange(s), Width: p.Width, Height: p.Height}
		for _, side := range []struct {
			to    *boxedSide
			title string
			seen  []eval.Box
		}{{&v.Before, "before", s.Before}, {&v.After, "after", s.After}} {
			*side.to = boxedSide{Title: side.title, ID: p.ID, Boxes: overlaid(s, side.seen, p.scale), Said: said(side.seen)}
		}
		out = append(out, v)
	}
	return out, nil
}

// sceneChange says what pruning changed in a picture.
func sceneChange(s *explain.Scene) string {
	text := ""
	add := func(n int, what string) {
		if n == 0 {
			return
		}
		if text != "" {
			text += ", "
		}
		text += what
	}
	add(s.Lost, plural(s.Lost, "object")+" lost")
	add(s.Found, plural(s.Found, "object")+" more found")
	add(max(s.Alarms, 0), plural(s.Alarms, "box")+" more on nothing")
	add(max(-s.Alarms, 0), plural(-s.Alarms, "box")+" fewer on nothing")
	return text
}

// mostSaid bounds the boxes that are told in words.
const mostSaid = 6

// said is what a network sees, in words.
func said(boxes []eval.Box) string {
	if len(boxes) == 0 {
		return "nothing"
	}
	text := ""
	for i, b := range boxes[:min(len(boxes), mostSaid)] {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %.2f", b.Class, b.Score)
	}
	if n := len(boxes) - mostSaid; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// Seen counts what changed in all tested pictures.
func (v *explanationView) Seen() string {
	found, lost, more, fewer := 0, 0, 0, 0
	for _, s := range v.X.Scenes {
		found, lost, more, fewer = found+s.Found, lost+s.Lost, more+max(s.Alarms, 0), fewer+max(-s.Alarms, 0)
	}
	s := fmt.Sprintf("In %d of %s pruning changed what is found: %s lost, %s more found, %s more on nothing, %s fewer", len(v.X.Scenes),
		plural(v.X.Before.Images, "test picture"), plural(lost, "object"), plural(found, "object"), plural(more, "box"), plural(fewer, "box"))
	if len(v.X.Scenes) > mostScenes {
		s += fmt.Sprintf("; the first %d are shown", mostScenes)
	}
	return s + "."
}

// scaleOf is how many times as large as it is a picture of w×h pixels is shown.
func scaleOf(b image.Rectangle) px {
	w, _ := thumbSize(b.Dx(), b.Dy())
	return px(w) / px(b.Dx())
}
