package data

import (
	"crypto/sha256"
	"encoding/binary"
	"image"
	"runtime"
	"sync"
	"sync/atomic"
)

// check reads every item's file, notes the hash of its bytes, and sorts out those that are no
// image. Both results keep the order of items.
func check(items []item, o Options) (good []item, bad []Skip) {
	errs := make([]error, len(items))
	forEach(len(items), o.Threads, func() func(int) {
		d := decoder{lim: defaultLimits}
		return func(i int) { errs[i] = d.check(&items[i], o.HeaderOnly) }
	})
	for i, it := range items {
		if errs[i] != nil {
			bad = append(bad, Skip{it.Path, errs[i].Error()})
			continue
		}
		good = append(good, it)
	}
	return good, bad
}

// check reads it whole, decodes it or only its header, and notes the picture's size.
func (d *decoder) check(it *item, headerOnly bool) error {
	if err := d.read(it.Path); err != nil {
		return err
	}
	sum := sha256.Sum256(d.buf)
	it.Content = binary.LittleEndian.Uint64(sum[:])
	if !headerOnly {
		err := d.bytes(d.buf)
		it.size = image.Pt(d.img.W, d.img.H)
		return err
	}
	kind, err := header(d.buf, d.lim)
	if err != nil {
		return err
	}
	it.size, err = kind.size(d.buf)
	return err
}

// forEach calls a worker's function for every index below n, on several threads (0 is all).
// start is called once a thread.
func forEach(n, threads int, start func() func(int)) {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(threads, n) {
		wg.Go(func() {
			do := start()
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wg.Wait()
}
