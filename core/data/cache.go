package data

import "sync/atomic"

// reduced is a picture at its base size, and the size of the file's.
type reduced struct {
	RGB
	w, h int
}

// from maps the pixels of the file's picture to those of the reduced one.
func (m *reduced) from() Affine {
	return Affine{SX: float64(m.W) / float64(m.w), SY: float64(m.H) / float64(m.h)}
}

// cache keeps reduced pictures up to a number of bytes. What it holds depends on which thread was
// first; what a Loader gives does not.
type cache struct {
	images []atomic.Pointer[reduced]
	free   atomic.Int64 // bytes
}

func newCache(n int, bytes int64) *cache {
	c := &cache{images: make([]atomic.Pointer[reduced], n)}
	c.free.Store(bytes)
	return c
}

// get is the picture of sample k, nil if it is not kept. It must not be written to.
func (c *cache) get(k int) *reduced { return c.images[k].Load() }

// put keeps a copy of img if there is room.
func (c *cache) put(k int, img *reduced) {
	size := int64(len(img.Pix))
	if c.free.Add(-size) < 0 {
		c.free.Add(size)
		return
	}
	if !c.images[k].CompareAndSwap(nil, &reduced{*img.Clone(), img.w, img.h}) {
		c.free.Add(size) // another thread was faster
	}
}
