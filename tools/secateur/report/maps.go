package report

import (
	"fmt"
	"html/template"
	"image"
	"image/color"
	"math"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/explain"
	"golang.org/x/image/draw"
)

// mapsView is pictures with what decides for their classes, before and after pruning.
type mapsView struct {
	Summary string
	Items   []mapView
}

type mapView struct {
	Class, Name   string
	Before, After template.URL
	Inside        string // shares at the defects; empty: not marked
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
	}
	for _, m := range r.Maps {
		item := mapView{Class: classes[m.Class], Name: m.Image}
		if m.Region != nil {
			item.Inside = fmt.Sprintf("at the defect: %s before, %s after", percent(m.InsideBefore), percent(m.InsideAfter))
		}
		img, err := data.Decode(m.Path)
		if err != nil {
			return nil, err
		}
		for _, x := range []struct {
			values []float64
			into   *template.URL
		}{{m.Before, &item.Before}, {m.After, &item.After}} {
			if *x.into, err = (Picture{Image: tinted(img.Image(), x.values, m.Region)}).source(); err != nil {
				return nil, err
			}
		}
		v.Items = append(v.Items, item)
	}
	return v, nil
}

// hot is the colour of relevance, edge that of the outline of a defect.
var (
	hot  = [3]float64{217, 100, 0}
	edge = color.RGBA{0, 96, 168, 255}
)

// tinted is a picture in grey, the more orange the more relevance, with the outline of the defects.
func tinted(img image.Image, values []float64, defects data.Region) image.Image {
	w, h := thumbSize(img.Bounds().Dx(), img.Bounds().Dy())
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(out, out.Bounds(), img, img.Bounds(), draw.Src, nil)
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
				out.SetRGBA(x, y, edge)
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
