package data

import (
	"image"
	"math/rand/v2"
)

// How a mosaic is laid out: where its pictures meet, in shares of the canvas, and how much of a picture is shown,
// in shares of the largest part with a quarter's proportions.
const (
	meetFrom, meetTo = 0.3, 0.7
	showFrom, showTo = 0.6, 1.0
)

// quarters divides a canvas at a random point (Bochkovskiy et al., arXiv:2004.10934, §3.3).
func quarters(rng *rand.Rand, w, h int) [4]image.Rectangle {
	between := func(n int) int {
		return min(max(int((meetFrom+(meetTo-meetFrom)*rng.Float64())*float64(n)), 1), n-1)
	}
	x, y := between(w), between(h)
	return [4]image.Rectangle{image.Rect(0, 0, x, y), image.Rect(x, 0, w, y), image.Rect(0, y, x, h), image.Rect(x, y, w, h)}
}

// showBox is a part of a w×h picture with the proportions of a quarter, anywhere in it.
func showBox(rng *rand.Rand, w, h int, into image.Rectangle) Rect {
	s := min(float64(w)/float64(into.Dx()), float64(h)/float64(into.Dy())) * (showFrom + (showTo-showFrom)*rng.Float64())
	pw, ph := s*float64(into.Dx()), s*float64(into.Dy())
	x, y := rng.Float64()*(float64(w)-pw), rng.Float64()*(float64(h)-ph)
	return Rect{x, y, min(x+pw, float64(w)), min(y+ph, float64(h))}
}

// mosaic draws sample k and three others that the stream picks, a quarter each, without distortion.
func (w *worker) mosaic(rng *rand.Rand, k int) error {
	p, all := w.l.pre, w.l.samples
	for _, into := range quarters(rng, p.Width, p.Height) {
		img, err := w.load(k)
		if err != nil {
			return err
		}
		part := showBox(rng, img.W, img.H, into)
		w.canvas.tile.reshape(into.Dx(), into.Dy())
		w.canvas.resizer.Resize(&w.canvas.tile, &img.RGB, part)
		w.canvas.tile.drawOn(&w.canvas.input, into.Min)
		w.canvas.follow(all[k].Boxes, img.from().Then(between(part, into)), into)
		k = rng.IntN(len(all))
	}
	return nil
}
