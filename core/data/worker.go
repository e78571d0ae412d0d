package data

import (
	"sync/atomic"

	"github.com/secateur/secateur/core/random"
)

// slot is one batch under way.
type slot struct {
	x     []float32 // N×H×W×3
	index []int32   // N: which samples
	errs  []error   // N
	used  int       // samples in it
	left  atomic.Int32
	done  chan struct{} // one element when left comes to 0
}

func newSlot(n, floats int) *slot {
	return &slot{
		x:     make([]float32, n*floats),
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
	base    RGB
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
			k := int(j.slot.index[j.at])
			n := w.l.pre.Floats()
			j.slot.errs[j.at] = w.prepare(j.slot.x[j.at*n:][:n], k, j.epoch)
			j.slot.finish()
		}
	}
}

// prepare writes sample k as the model wants it.
//
//	dst  H×W×3
func (w *worker) prepare(dst []float32, k int, epoch uint64) error {
	img, err := w.load(k)
	if err != nil {
		return err
	}
	p := w.l.pre
	if a := w.l.opt.Augment; a != nil {
		rng := random.Stream(w.l.opt.Seed, "augment/"+w.l.samples[k].Name, epoch)
		w.canvas.paint(dst, p.Width, p.Height, img, a.draw(rng, img.W, img.H))
		p.normalise(dst)
		return nil
	}
	p.floats(dst, img)
	return nil
}

// load is sample k reduced to its base size, from the cache if it is there.
func (w *worker) load(k int) (*RGB, error) {
	if img := w.l.cache.get(k); img != nil {
		return img, nil
	}
	src, err := w.decoder.lines(w.l.samples[k].Path)
	if err != nil {
		return nil, err
	}
	width, height := src.size()
	w.base.reshape(w.baseSize(width, height))
	w.canvas.resizer.scale(&w.base, src, Box{0, 0, float64(width), float64(height)})
	w.l.cache.put(k, &w.base)
	return &w.base, nil
}

// baseSize is the model's size times Oversize, as far as the picture has the pixels.
func (w *worker) baseSize(width, height int) (int, int) {
	p, over := w.l.pre, w.l.opt.Oversize
	return min(int(float64(p.Width)*over), max(width, p.Width)),
		min(int(float64(p.Height)*over), max(height, p.Height))
}
