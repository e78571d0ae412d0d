package data

import (
	"image"
	"sync/atomic"

	"github.com/secateur/secateur/core/random"
)

// slot is one batch under way.
type slot struct {
	x     []float32 // N×H×W×3
	boxes []float32 // N×Boxes×5
	sizes []int32   // N×2
	index []int32   // N: which samples
	errs  []error   // N
	used  int       // samples in it
	left  atomic.Int32
	done  chan struct{} // one element when left comes to 0
}

func newSlot(n, floats, boxes int) *slot {
	return &slot{
		x:     make([]float32, n*floats),
		boxes: make([]float32, n*boxes*boxValues),
		sizes: make([]int32, n*2),
		index: make([]int32, n),
		errs:  make([]error, n),
		done:  make(chan struct{}, 1),
	}
}

// begin makes s ready for n samples.
func (s *slot) begin(n int) {
	s.used = n
	s.left.Store(int32(n))
	clear(s.errs)
}

func (s *slot) wait() { <-s.done }

// finish notes one sample as done.
func (s *slot) finish() {
	if s.left.Add(-1) == 0 {
		s.done <- struct{}{}
	}
}

// err is the first error by place in the batch, whichever came first in time.
func (s *slot) err(samples []Sample) error {
	for i, err := range s.errs[:s.used] {
		if err != nil {
			return unusable("%s: %w", samples[s.index[i]].Path, err)
		}
	}
	return nil
}

// job is one sample of a slot.
type job struct {
	slot  *slot
	at    int
	epoch uint64
}

// worker prepares samples in memory of its own.
type worker struct {
	l       *Loader
	decoder decoder
	canvas  canvas
	base    reduced
}

func newWorker(l *Loader) *worker {
	return &worker{l: l, decoder: decoder{lim: defaultLimits}}
}

func (w *worker) run() {
	for {
		select {
		case <-w.l.quit:
			return
		case j := <-w.l.jobs:
			j.slot.errs[j.at] = w.fill(j)
			j.slot.finish()
		}
	}
}

// fill writes what a slot has of one sample.
func (w *worker) fill(j job) error {
	s, k, n := j.slot, int(j.slot.index[j.at]), w.l.pre.Floats()
	size, err := w.prepare(s.x[j.at*n:][:n], k, j.epoch)
	if err != nil {
		return err
	}
	s.sizes[2*j.at], s.sizes[2*j.at+1] = int32(size.X), int32(size.Y)
	rows := w.l.opt.Boxes * boxValues
	writeBoxes(s.boxes[j.at*rows:][:rows], w.canvas.boxes)
	return nil
}

// prepare writes sample k as the model wants it, its boxes in the canvas, and returns the size of the file's picture.
//
//	dst  H×W×3
func (w *worker) prepare(dst []float32, k int, epoch uint64) (size image.Point, err error) {
	img, err := w.load(k)
	if err != nil {
		return size, err
	}
	size = image.Pt(img.w, img.h)
	p, c, s, a := w.l.pre, &w.canvas, &w.l.samples[k], w.l.opt.Augment
	c.begin(p.Width, p.Height)
	if a == nil {
		p.floats(dst, c.whole(p, img, s.Boxes))
		return size, nil
	}
	d := a.draw(random.Stream(w.l.opt.Seed, "augment/"+s.Name, epoch), img.W, img.H)
	mosaic := random.Stream(w.l.opt.Seed, "mosaic/"+s.Name, epoch)
	if mosaic.Float64() < a.Mosaic && w.l.opt.Boxes > 0 {
		err = w.mosaic(mosaic, k)
	} else {
		c.part(p, img, s.Boxes, d)
	}
	c.change(dst, d)
	p.normalise(dst)
	return size, err
}

// load is sample k reduced to its base size, from the cache if it is there.
func (w *worker) load(k int) (*reduced, error) {
	if img := w.l.cache.get(k); img != nil {
		return img, nil
	}
	src, err := w.decoder.lines(w.l.samples[k].Path)
	if err != nil {
		return nil, err
	}
	width, height := src.size()
	w.base.w, w.base.h = width, height
	w.base.reshape(w.baseSize(width, height))
	w.canvas.resizer.scale(&w.base.RGB, src, Rect{0, 0, float64(width), float64(height)})
	w.l.cache.put(k, &w.base)
	return &w.base, nil
}

// baseSize is the model's size times Oversize, as far as the picture has the pixels.
func (w *worker) baseSize(width, height int) (int, int) {
	p, over := w.l.pre, w.l.opt.Oversize
	if p.Letterbox {
		fit := p.fit(width, height)
		return p.within(width, height, min(over, max(float64(width)/float64(fit.Dx()), 1)))
	}
	return min(int(float64(p.Width)*over), max(width, p.Width)),
		min(int(float64(p.Height)*over), max(height, p.Height))
}
