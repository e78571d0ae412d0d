package data

import "sync/atomic"

// cache keeps reduced pictures up to a number of bytes. What it holds depends on which thread was
// first; what a Loader gives does not.
type cache struct {
	images []atomic.Pointer[RGB]
	free   atomic.Int64 // bytes
}

func newCache(n int, bytes int64) *cache {
	c := &cache{images: make([]atomic.Pointer[RGB], n)}
	c.free.Store(bytes)
	return c
}

// get is the picture of sample k, nil if it is not kept. It must not be written to.
func (c *cache) get(k int) *RGB { return c.images[k].Load() }

// put keeps a copy of img if there is room.
func (c *cache) put(k int, img *RGB) {
	size := int64(len(img.Pix))
	if c.free.Add(-size) < 0 {
		c.free.Add(size)
		return
	}
	if !c.images[k].CompareAndSwap(nil, img.Clone()) {
		c.free.Add(size) // another thread was faster
	}
}
