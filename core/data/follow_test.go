package data

import (
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// marker is a picture of grey noise with white rectangles, and their boxes.
func marker(w, h int, boxes ...Box) *RGB {
	m := NewRGB(w, h)
	for i := range m.Pix {
		m.Pix[i] = uint8(20 + i*7%60)
	}
	for _, b := range boxes {
		for y := int(b.YMin); y < int(b.YMax); y++ {
			for x := int(b.XMin); x < int(b.XMax); x++ {
				copy(m.Pix[3*(y*w+x):], []uint8{255, 255, 255})
			}
		}
	}
	return m
}

// markers are three marked pictures of different shapes on disk.
func markers(t *testing.T) []Sample {
	dir := t.TempDir()
	var out []Sample
	for i, s := range []struct {
		w, h  int
		boxes []Box
	}{
		{120, 80, []Box{{0, 30, 20, 62, 44}}},
		{70, 110, []Box{{1, 8, 60, 40, 96}}},
		{90, 90, []Box{{0, 44, 40, 76, 70}}},
		{100, 60, []Box{}},
	} {
		name := fmt.Sprintf("%d.png", i)
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, pngOf(t, marker(s.w, s.h, s.boxes...).Image()), 0o600))
		out = append(out, Sample{Path: path, Name: name, Boxes: s.boxes})
	}
	return out
}

// bright is how much of the white of a picture lies inside boxes, and how much of the boxes is white.
//
//	x  H×W×3, from 0 to 1
func bright(x []float32, w, h int, boxes []Box) (inside, filled float64) {
	var all, in, area float64
	for y := range h {
		for i := range w {
			px, py := float32(i)+0.5, float32(y)+0.5
			v := max(float64(x[3*(y*w+i)])-0.5, 0) * 2
			all += v
			if slices.ContainsFunc(boxes, func(b Box) bool { return b.XMin-1 <= px && px <= b.XMax+1 && b.YMin-1 <= py && py <= b.YMax+1 }) {
				in += v
			}
		}
	}
	for _, b := range boxes {
		area += float64(b.Area())
	}
	if all == 0 {
		return 1, 0
	}
	return in / all, in / area
}

// rowsOf is the boxes of one picture of a batch.
func rowsOf(rows []float32) []Box {
	var out []Box
	for ; len(rows) > 0 && rows[0] >= 0; rows = rows[boxValues:] {
		out = append(out, Box{int(rows[0]), rows[1], rows[2], rows[3], rows[4]})
	}
	return out
}

// TestBoxesFollow: under every transform a drawn marker stays inside its box, and fills it.
func TestBoxesFollow(t *testing.T) {
	samples := markers(t)
	for name, c := range map[string]struct {
		a      *Augment
		height int     // of an input 96 pixels wide
		filled float64 // smallest share of the boxes that is white
	}{
		"none":      {nil, 80, 0.9},
		"flip":      {&Augment{Flip: 1}, 80, 0.9},
		"up":        {&Augment{FlipUp: 1}, 80, 0.9},
		"transpose": {&Augment{Transpose: 1}, 96, 0.9},
		"crop":      {&Augment{MinArea: 0.5}, 80, 0.85},
		"shrink":    {&Augment{Shrink: 0.5}, 80, 0.8},
		"rotate":    {&Augment{Rotate: 10}, 80, 0.6},
		"mosaic":    {&Augment{Mosaic: 1}, 80, 0.75},
		"all":       {&Augment{MinArea: 0.5, Flip: 0.5, FlipUp: 0.5, Shrink: 0.6, Mosaic: 0.5, Rotate: 5, Contrast: 0.1, Brightness: 0.1}, 80, 0.6},
	} {
		for _, letterbox := range []bool{false, true} {
			p := Preprocess{Width: 96, Height: c.height, Std: [3]float32{255, 255, 255}, Letterbox: letterbox}
			t.Run(fmt.Sprintf("%s/letterbox=%v", name, letterbox), func(t *testing.T) { followed(t, samples, p, c.a, c.filled) })
		}
	}
}

func followed(t *testing.T, samples []Sample, p Preprocess, a *Augment, least float64) {
	l, err := NewLoader(samples, p, LoaderOptions{Batch: 4, Classes: 2, Boxes: 8, Augment: a, Oversize: 1.5, Seed: 3})
	must(t, err)
	defer l.Close()
	b := &Batch{X: make([]float32, 4*p.Floats()), Boxes: make([]float32, 4*8*5), Sizes: make([]int32, 8), Index: make([]int32, 4)}
	some := 0
	for epoch := range 12 {
		l.Epoch(epoch, 0, false)
		_, err := l.Next(b)
		must(t, err)
		for i := range 4 {
			boxes := rowsOf(b.Boxes[i*40:][:40])
			some += len(boxes)
			x := b.X[i*p.Floats():][:p.Floats()]
			inside, filled := bright(x, p.Width, p.Height, boxes)
			if len(boxes) > 0 && filled < least {
				t.Errorf("epoch %d, picture %d: %.2f of the boxes is marked, want %.2f: %v", epoch, i, filled, least, boxes)
			}
			// A marker of which too little is visible has no box.
			if len(boxes) == len(samples[b.Index[i]].Boxes) && (a == nil || a.Mosaic == 0) && inside < 0.97 {
				t.Errorf("epoch %d, picture %d: %.2f of the marker is inside %v", epoch, i, inside, boxes)
			}
		}
		same(t, "sizes", b.Sizes, []int32{120, 80, 70, 110, 90, 90, 100, 60})
	}
	if some < 12 {
		t.Errorf("%d boxes in 12 epochs", some)
	}
}

// TestLetterbox: a picture keeps its proportions, grey lies around it, and boxes find their way back.
func TestLetterbox(t *testing.T) {
	p := Preprocess{Width: 100, Height: 60, Std: [3]float32{1, 1, 1}, Letterbox: true}
	x := make([]float32, p.Floats())
	p.Prepare(x, marker(40, 40, Box{0, 0, 0, 40, 40}), new(Resizer))
	for at, want := range map[image.Point]float32{{0, 0}: LetterboxGrey, {19, 30}: LetterboxGrey, {20, 0}: 255, {79, 59}: 255, {80, 59}: LetterboxGrey} {
		if got := x[3*(at.Y*100+at.X)]; got != want {
			t.Errorf("%v is %v, want %v", at, got, want)
		}
	}
	for _, size := range []image.Point{{40, 40}, {600, 789}, {1, 1}, {3, 1000}} {
		in := p.ToInput(size.X, size.Y)
		b := Box{1, 0, 0, float32(size.X), float32(size.Y)}
		back := in.Inverse().Box(in.Box(b))
		if d := math.Abs(float64(back.XMax-b.XMax)) + math.Abs(float64(back.YMax-b.YMax)); d > 1e-3 {
			t.Errorf("%v comes back as %v", b, back)
		}
		if c := in.Box(b); c.Clip(0, 0, 100, 60) != c {
			t.Errorf("%v leaves the input: %v", size, c)
		}
	}
}

// TestWriteBoxes: the largest stay where there is no room, the rest is marked.
func TestWriteBoxes(t *testing.T) {
	rows := make([]float32, 2*boxValues)
	writeBoxes(rows, []Box{{2, 0, 0, 1, 1}, {3, 0, 0, 5, 5}, {4, 1, 0, 5, 5}})
	same(t, "rows", rows, []float32{3, 0, 0, 5, 5, 4, 1, 0, 5, 5})
	writeBoxes(rows, []Box{{2, 0, 0, 1, 1}})
	same(t, "rows", rows, []float32{2, 0, 0, 1, 1, -1, 0, 0, 0, 0})
}

// TestBoxesAreDeterministic: neither threads nor the cache change a box or a pixel.
func TestBoxesAreDeterministic(t *testing.T) {
	samples, a := markers(t), BoxAugment()
	read := func(o LoaderOptions) (out []float32) {
		o.Batch, o.Classes, o.Boxes, o.Augment, o.Seed = 2, 2, 6, &a, 9
		l, err := NewLoader(samples, Preprocess{Width: 48, Height: 32, Std: [3]float32{1, 1, 1}, Letterbox: true}, o)
		must(t, err)
		defer l.Close()
		b := &Batch{X: make([]float32, 2*l.pre.Floats()), Boxes: make([]float32, 2*6*5)}
		l.Epoch(7, 0, true)
		for range l.Steps() {
			_, err := l.Next(b)
			must(t, err)
			out = append(append(out, b.X...), b.Boxes...)
		}
		return out
	}
	want := read(LoaderOptions{Threads: 1, Ahead: 1})
	same(t, "four threads", read(LoaderOptions{Threads: 4, Ahead: 2}), want)
	same(t, "a cache", read(LoaderOptions{Threads: 2, CacheBytes: 1 << 20}), want)
}
