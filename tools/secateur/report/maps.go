package report

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/explain"
)

// mapsView is pictures with what decides for their classes, before and after pruning.
type mapsView struct {
	Summary string
	Items   []mapView
}

type mapView struct {
	Class  string
	Inside string // shares at the defects; empty: not marked
	Pair   boxedView
}

// newMaps is nil without maps.
func newMaps(r *explain.Relevance, classes []string) (*mapsView, error) {
	if r == nil || len(r.Maps) == 0 {
		return nil, nil
	}
	v := &mapsView{}
	if r.Images > 0 {
		v.Summary = fmt.Sprintf("On %s with marked defects, %s of the relevance lay at them before pruning and %s does after it; they take %s of the pictures.",
			plural(r.Images, "test picture"), percent(r.Before), percent(r.After), percent(r.Area))
		if r.Maps[0].Scene != nil {
			v.Summary = fmt.Sprintf("On %s with objects, %s of the relevance lay inside their boxes before pruning and %s does after it; boxes take %s of the pictures.",
				plural(r.Images, "test picture"), percent(r.Before), percent(r.After), percent(r.Area))
		}
	}
	for _, m := range r.Maps {
		item, err := newMap(m, classes)
		if err != nil {
			return nil, err
		}
		v.Items = append(v.Items, item)
	}
	return v, nil
}

// newMap is one picture's. A detector's boxes lie over it, defects are outlined in it.
func newMap(m explain.Map, classes []string) (mapView, error) {
	v, at, region := mapView{Class: classes[m.Class]}, "at the defect", m.Region
	v.Pair.Name = m.Image
	img, err := data.Decode(m.Path)
	if err != nil {
		return v, err
	}
	scale := scaleOf(img.Image().Bounds())
	v.Pair.Width, v.Pair.Height = thumbSize(img.W, img.H)
	before, after := &v.Pair.Before, &v.Pair.After
	before.Title, after.Title = "before", "after"
	if s := m.Scene; s != nil {
		at, region, v.Class = "inside the boxes", nil, namesOf(s)
		before.Boxes, after.Boxes = overlaid(s, s.Before, scale), overlaid(s, s.After, scale)
	}
	if m.Region != nil {
		v.Inside = fmt.Sprintf("%s: %s before, %s after", at, percent(m.InsideBefore), percent(m.InsideAfter))
	}
	if before.Source, err = (Picture{Image: tinted(img.Image(), m.Before, region)}).source(); err == nil {
		after.Source, err = Picture{Image: tinted(img.Image(), m.After, region)}.source()
	}
	return v, err
}

// namesOf is the classes of a scene's objects, each once.
func namesOf(s *explain.Scene) string {
	var names []string
	for _, b := range s.Objects {
		if !slices.Contains(names, b.Class) {
			names = append(names, b.Class)
		}
	}
	return strings.Join(names, ", ")
}

// hot is the colour of relevance, edge that of the outline of a defect.
var (
	hot  = [3]float64{217, 100, 0}
	edge = color.NRGBA{0, 96, 168, 255}
)

// tinted is a picture in grey, the more orange the more relevance, with the outline of the defects.
func tinted(img image.Image, values []float64, defects data.Region) image.Image {
	w, h := thumbSize(img.Bounds().Dx(), img.Bounds().Dy())
	out := data.Scaled(img, w, h)
	side := int(math.Sqrt(float64(len(values))))
	top := 1e-30
	for _, v := range values {
		top = max(top, v)
	}
	for y := range h {
		for x := range w {
			p := out.Pix[out.PixOffset(x, y):]
			grey := 60 + 0.7*(0.3*float64(p[0])+0.59*float64(p[1])+0.11*float64(p[2]))
			a := 0.9 * between(values, side, float64(x)/float64(w), float64(y)/float64(h)) / top
			for c := range 3 {
				p[c] = uint8(grey*(1-a) + hot[c]*a)
			}
			if atEdge(defects, x, y, w, h) {
				out.SetNRGBA(x, y, edge)
			}
		}
	}
	return out
}

// between reads side×side cells at a place from 0 to 1, linearly between their middles.
func between(values []float64, side int, x, y float64) float64 {
	at := func(v float64) (int, int, float64) {
		v = min(max(v*float64(side)-0.5, 0), float64(side-1))
		return int(v), min(int(v)+1, side-1), v - math.Floor(v)
	}
	x0, x1, fx := at(x)
	y0, y1, fy := at(y)
	row := func(y int) float64 { return values[y*side+x0]*(1-fx) + values[y*side+x1]*fx }
	return row(y0)*(1-fy) + row(y1)*fy
}

// atEdge reports whether a pixel is within two of where the defects begin.
func atEdge(defects data.Region, x, y, w, h int) bool {
	if defects == nil {
		return false
	}
	in := func(x, y int) bool {
		const n = data.RegionSide
		return x >= 0 && y >= 0 && x < w && y < h && defects[y*n/h*n+x*n/w] >= 0.5
	}
	return in(x, y) && !(in(x-2, y) && in(x+2, y) && in(x, y-2) && in(x, y+2))
}
