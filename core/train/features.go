package train

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
)

// feeder gives the batches of an epoch: a data.Loader from images, or what a frozen prefix made of them.
type feeder interface {
	Epoch(e, step int, shuffle bool)
	Next(b *data.Batch) (int, error)
	Close()
}

// features is what a frozen prefix makes of the training images, in some augmented views of each.
type features struct {
	key    [sha256.Size]byte // of the prefix: another prefix makes other features
	views  int
	floats int         // of one image
	x      [][]float32 // by view, N×floats
	rows   int         // values of the boxes of one image; 0 of a classifier
	boxes  [][]float32 // by view, N×rows: they move with the picture
}

// Bounds of the cache: its bytes, and the views that are worth keeping.
const (
	featureBytes = 256 << 20
	mostViews    = 8
)

// cached are the features of the prefix as it stands: those at hand if it is still the same, else made anew.
func (j *job) cached() (*features, error) {
	p, err := j.prefix()
	if err != nil {
		return nil, err
	}
	key := hashOf(p)
	if j.features != nil && j.features.key == key {
		return j.features, nil
	}
	f := &features{key: key, floats: p.Outputs[0].Shape.Elems() / p.Batch(), rows: j.objects() * detect.TargetWidth}
	f.views = min(mostViews, max(1, featureBytes/(4*f.floats*len(j.train))))
	if j.Augment == (data.Augment{}) {
		f.views = 1
	}
	run, err := plan.Compile(p, plan.Options{Env: j.Env, Fold: true})
	if err != nil {
		return nil, err
	}
	run.Hook = j.ctx.Err
	err = j.eachView(f.views, data.PadLast, func(l *data.Loader, view int) error {
		x, boxes, err := f.fill(l, run, p, len(j.train))
		f.x, f.boxes = append(f.x, x), append(f.boxes, boxes)
		return err
	})
	if err != nil {
		return nil, err
	}
	j.features = f
	return f, j.log.emit(Event{Event: "cache", Message: fmt.Sprintf("%d views of %d images behind %s: %d MiB", f.views, len(j.train), j.pos.Cut,
		4*f.views*f.floats*len(j.train)>>20)})
}

// eachView runs through the views of all images, in their order: the same pictures whenever it is asked.
func (j *job) eachView(views int, last data.Last, do func(l *data.Loader, view int) error) error {
	a := j.Augment
	a.Mixup = 0
	o := data.LoaderOptions{Batch: j.Batch, Seed: random.Hash(j.Seed, "views"), Augment: &a, CacheBytes: cacheBytes, Last: last}
	j.task.loading(j, &o)
	l, err := data.NewLoader(j.train, eval.Preprocess(j.net), o)
	if err != nil {
		return err
	}
	defer l.Close()
	for v := range views {
		l.Epoch(v, 0, false)
		if err := do(l, v); err != nil {
			return err
		}
	}
	return nil
}

// fill is one view of n images, and where their boxes lie in it.
func (f *features) fill(l *data.Loader, run *plan.Plan, p *graph.Graph, n int) (x, boxes []float32, err error) {
	x = tensor.Floats(n * f.floats)
	b := data.Batch{X: run.Data(eval.Input(p)), Boxes: make([]float32, p.Batch()*f.rows)}
	for done := 0; ; {
		k, err := l.Next(&b)
		if err == io.EOF {
			return x, boxes, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if err := run.Run(); err != nil {
			return nil, nil, err
		}
		done += copy(x[done:], run.Data(p.Outputs[0].Name)[:k*f.floats])
		boxes = append(boxes, b.Boxes[:k*f.rows]...)
	}
}

// hashOf is a network's shapes and weights.
func hashOf(g *graph.Graph) (key [sha256.Size]byte) {
	h := sha256.New()
	for _, n := range g.Nodes {
		fmt.Fprint(h, n.Name, n.Shape)
		binary.Write(h, binary.LittleEndian, n.Value)
	}
	copy(key[:], h.Sum(nil))
	return key
}

// cacheFeeder is batches of cached features. Each epoch shows another view of the images, in turn.
type cacheFeeder struct {
	*features
	samples []data.Sample
	seed    uint64
	classes int
	view    int
	order   []int
	at      int
}

// Epoch begins an epoch at its first step.
func (c *cacheFeeder) Epoch(e, _ int, shuffle bool) {
	c.view, c.at = e%c.views, 0
	c.order = c.order[:0]
	for i := range c.samples {
		c.order = append(c.order, i)
	}
	if shuffle {
		r := random.Stream(c.seed, "shuffle", uint64(e))
		r.Shuffle(len(c.order), func(i, j int) { c.order[i], c.order[j] = c.order[j], c.order[i] })
	}
}

// Next writes a batch; what a short last one leaves is zero.
func (c *cacheFeeder) Next(b *data.Batch) (int, error) {
	n := min(len(b.X)/c.floats, len(c.order)-c.at)
	if n <= 0 {
		return 0, io.EOF
	}
	clear(b.X[n*c.floats:])
	clear(b.Targets)
	for i := n * c.rows; i < len(b.Boxes); i += detect.TargetWidth {
		b.Boxes[i] = -1 // no object
	}
	b.Share = 1
	for i, k := range c.order[c.at : c.at+n] {
		copy(b.X[i*c.floats:], c.x[c.view][k*c.floats:(k+1)*c.floats])
		if c.rows > 0 {
			copy(b.Boxes[i*c.rows:], c.boxes[c.view][k*c.rows:(k+1)*c.rows])
		} else {
			b.Targets[i*c.classes+c.samples[k].Class] = 1
		}
		b.Index[i] = int32(k)
	}
	c.at += n
	return n, nil
}

// Close has nothing to end.
func (c *cacheFeeder) Close() {}
