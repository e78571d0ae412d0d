package data

import (
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/secateur/secateur/core/random"
)

// Last says what becomes of the last batch of an epoch when the samples do not fill it.
type Last int

const (
	PadLast  Last = iota // the rest of the batch is zero and Next returns fewer: evaluation
	DropLast             // it is left out
	WrapLast             // it is filled up from the beginning of the epoch's order
)

// LoaderOptions is how samples become batches.
type LoaderOptions struct {
	Batch      int
	Classes    int      // length of a row of Targets
	Last       Last     // what a short last batch becomes
	Augment    *Augment // nil changes nothing: evaluation
	Oversize   float64  // an augmented picture is first reduced to the model's size times this; 0 is 1
	Seed       uint64
	Threads    int   // that decode; 0 is all
	Ahead      int   // batches prepared ahead of Next; 0 is 2
	Boxes      int   // rows of Batch.Boxes of an image; 0 is none
	CacheBytes int64 // of reduced pictures to keep from epoch to epoch; 0 keeps none
}

// Batch is where Next writes.
type Batch struct {
	X       []float32 // N×H×W×3
	Labels  []int32   // N; nil if not wanted
	Targets []float32 // N×classes, one-hot or mixed; nil if not wanted and there is no mixup
	Boxes   []float32 // N×Boxes×5: class, xmin, ymin, xmax, ymax in pixels of the input, class -1 in rows left over; nil if not wanted
	Sizes   []int32   // N×2: width and height of the upright picture in the file; nil if not wanted
	Index   []int32   // N: which of the loader's samples each is; nil if not wanted
	Mates   []int32   // N: the place in the batch of what each is blended with, its own without mixup; nil if not wanted
	Share   float32   // of each picture in its blend, its mate has the rest; 1 without mixup
}

// Loader prepares batches ahead of the training loop. What it gives depends on samples, options,
// epoch and step only, neither on threads nor on what was asked before. It is used by one
// goroutine; Close ends its own.
type Loader struct {
	samples []Sample
	pre     Preprocess
	opt     LoaderOptions
	cache   *cache

	jobs  chan job
	quit  chan struct{}
	close sync.Once
	alive sync.WaitGroup

	slots []*slot
	epoch epoch
	order []int32 // N samples, in the order of the epoch
	step  int     // that Next gives next
	asked int     // steps given to workers so far
	err   error
}

// epoch is what a worker needs to know of it.
type epoch struct {
	number  uint64
	shuffle bool
}

// NewLoader starts the goroutines. Epoch must follow.
func NewLoader(samples []Sample, pre Preprocess, o LoaderOptions) (*Loader, error) {
	o.setDefaults()
	if err := o.check(samples, pre); err != nil {
		return nil, err
	}
	l := &Loader{samples: samples, pre: pre, opt: o, cache: newCache(len(samples), o.CacheBytes)}
	l.jobs = make(chan job, o.Ahead*o.Batch)
	l.quit = make(chan struct{})
	for range o.Ahead {
		l.slots = append(l.slots, newSlot(o.Batch, pre.Floats(), o.Boxes))
	}
	for range o.Threads {
		w := newWorker(l)
		l.alive.Go(w.run)
	}
	return l, nil
}

func (o *LoaderOptions) setDefaults() {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Ahead <= 0 {
		o.Ahead = 2
	}
	if o.Oversize == 0 || o.Augment == nil {
		o.Oversize = 1
	}
}

func (o *LoaderOptions) check(samples []Sample, pre Preprocess) error {
	if err := pre.Check(); err != nil {
		return err
	}
	if o.Augment != nil {
		if err := o.Augment.Check(); err != nil {
			return err
		}
	}
	switch n := len(samples); {
	case n == 0:
		return unusable("no sample to load")
	case o.Batch < 1:
		return fmt.Errorf("batch of %d samples, want at least 1", o.Batch)
	case o.Last == DropLast && n < o.Batch:
		return unusable("%d samples do not fill a batch of %d", n, o.Batch)
	case o.Boxes < 0:
		return fmt.Errorf("%d rows of boxes, want 0 or more", o.Boxes)
	case o.Boxes > 0 && o.Augment != nil && o.Augment.Mixup > 0:
		return fmt.Errorf("mixup of pictures with boxes: blended boxes have no meaning")
	case o.Augment != nil && o.Augment.Transpose > 0 && pre.Width != pre.Height:
		return fmt.Errorf("augmentation: transpose of an input of %d×%d pixels, want a square one", pre.Width, pre.Height)
	case !(o.Oversize >= 1 && o.Oversize <= 4):
		return fmt.Errorf("oversize of %v, want 1 to 4", o.Oversize)
	}
	for _, s := range samples {
		if s.Class < 0 || s.Class >= o.Classes {
			return fmt.Errorf("%s: class %d, want 0 to %d", s.Path, s.Class, o.Classes-1)
		}
	}
	return nil
}

// Steps is the number of batches in an epoch.
func (l *Loader) Steps() int {
	if l.opt.Last == DropLast {
		return len(l.samples) / l.opt.Batch
	}
	return (len(l.samples) + l.opt.Batch - 1) / l.opt.Batch
}

// Epoch begins epoch number e at the given step, 0 for its beginning, and throws away what was
// prepared of another. Without shuffle the samples come in their own order.
func (l *Loader) Epoch(e, step int, shuffle bool) {
	l.drain()
	l.epoch = epoch{uint64(e), shuffle}
	l.err = nil
	l.reorder()
	l.step, l.asked = step, step
	for range l.slots {
		l.ask()
	}
}

// drain waits until no worker holds a job.
func (l *Loader) drain() {
	for ; l.step < l.asked; l.step++ {
		l.slot(l.step).wait()
	}
}

func (l *Loader) slot(step int) *slot { return l.slots[step%len(l.slots)] }

// reorder shuffles from the unshuffled order, so that an epoch's does not hang on the one before.
func (l *Loader) reorder() {
	l.order = grow(l.order, len(l.samples))
	for i := range l.order {
		l.order[i] = int32(i)
	}
	if !l.epoch.shuffle {
		return
	}
	rng := random.Stream(l.opt.Seed, "shuffle", l.epoch.number)
	rng.Shuffle(len(l.order), func(i, j int) { l.order[i], l.order[j] = l.order[j], l.order[i] })
}

// ask gives the workers the next step's samples, if there is one. The channel has room for all
// that can be under way.
func (l *Loader) ask() {
	if l.asked >= l.Steps() {
		return
	}
	s, first := l.slot(l.asked), l.asked*l.opt.Batch
	n := min(l.opt.Batch, len(l.order)-first)
	if l.opt.Last == WrapLast {
		n = l.opt.Batch
	}
	l.asked++
	s.begin(n)
	for i := range n {
		s.index[i] = l.order[(first+i)%len(l.order)]
	}
	for i := range n {
		l.jobs <- job{s, i, l.epoch.number}
	}
}

// Next waits for the next batch and writes it to b. It returns the number of samples, and io.EOF
// after the last batch of the epoch. A file that can no longer be read is an error that names it
// and matches ErrUnusable; it comes again until the next Epoch.
func (l *Loader) Next(b *Batch) (int, error) {
	l.checkBatch(b)
	if l.err != nil {
		return 0, l.err
	}
	if l.step >= l.Steps() {
		return 0, io.EOF
	}
	s := l.slot(l.step)
	s.wait()
	l.step++
	if l.err = s.err(l.samples); l.err != nil {
		return 0, l.err
	}
	n := s.used // before the slot is given out again
	l.write(b, s)
	l.ask()
	return n, nil
}

// checkBatch panics on a batch of another size than the loader's.
func (l *Loader) checkBatch(b *Batch) {
	want := func(what string, got, n int, needed bool) {
		if got != n && (got != 0 || needed) {
			panic(fmt.Sprintf("data: batch with %d %s, want %d", got, what, n))
		}
	}
	want("floats", len(b.X), l.opt.Batch*l.pre.Floats(), true)
	want("labels", len(b.Labels), l.opt.Batch, false)
	want("targets", len(b.Targets), l.opt.Batch*l.opt.Classes, l.mixes())
	want("values of boxes", len(b.Boxes), l.opt.Batch*l.opt.Boxes*boxValues, false)
	want("sizes", len(b.Sizes), l.opt.Batch*2, false)
	want("indices", len(b.Index), l.opt.Batch, false)
	want("mates", len(b.Mates), l.opt.Batch, false)
}

// mixes reports whether Augment asks for mixup, whose pictures only soft targets can describe.
func (l *Loader) mixes() bool { return l.opt.Augment != nil && l.opt.Augment.Mixup > 0 }

// write copies s to b.
func (l *Loader) write(b *Batch, s *slot) {
	clear(b.X[copy(b.X, s.x[:s.used*l.pre.Floats()]):])
	noBoxes(b.Boxes[copy(b.Boxes, s.boxes[:s.used*l.opt.Boxes*boxValues]):])
	clear(b.Sizes[copy(b.Sizes, s.sizes[:s.used*2]):])
	clear(b.Labels)
	clear(b.Targets)
	clear(b.Index)
	for i, k := range s.index[:s.used] {
		class := l.samples[k].Class
		if b.Labels != nil {
			b.Labels[i] = int32(class)
		}
		if b.Targets != nil {
			b.Targets[i*l.opt.Classes+class] = 1
		}
		if b.Index != nil {
			b.Index[i] = k
		}
	}
	b.Share = 1
	if l.mixes() {
		l.mix(b, s.used)
	}
}

// mix is mixup of one batch, from a stream of its own.
func (l *Loader) mix(b *Batch, n int) {
	step := l.epoch.number*uint64(l.Steps()) + uint64(l.step-1)
	rng := random.Stream(l.opt.Seed, "mixup", step)
	b.Share = mixup(rng, l.opt.Augment.Mixup, n, b.X[:n*l.pre.Floats()], b.Targets[:n*l.opt.Classes], b.Mates[:min(n, len(b.Mates))])
}

// Close ends the goroutines and waits for them. Only Close may follow.
func (l *Loader) Close() {
	l.close.Do(func() { close(l.quit) })
	l.alive.Wait()
}
