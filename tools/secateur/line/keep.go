package line

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/secateur/secateur/device/durable"
)

// Which pictures are kept, and why: the middle of their names.
const (
	keepReject   = "reject"
	keepDoubtful = "doubtful"
	keepPass     = "pass"
)

// Still is a picture to keep: a JPEG as the camera gave it, or an image that becomes a PNG.
type Still struct {
	JPEG  []byte
	Image image.Image
}

// Keeper keeps pictures of parts for label: those that were rejected, those that are doubtful, one of many that
// passed. They are offered after the verdict, wait in a bounded queue, and are written in batches, each whole or not
// at all. A name is RUN-PART-WHY-CLASS.EXT: the run's number orders them, not a clock. What a detector found on a picture
// lies beside it.
type Keeper struct {
	Rejects, Doubtful bool
	PassOne           int // 0: no picture of a good part
	Ring              *Ring
	Failed            func(error) // told of the first failure of a row of them

	queue   chan picture
	mu      sync.Mutex
	kept    Kept
	passes  int
	failing bool
	batch   int // bytes; tests make it small
}

// Kept counts pictures.
type Kept struct {
	Written uint64 `json:"written"`
	Bytes   uint64 `json:"bytes"`
	Dropped uint64 `json:"dropped"` // the writer was behind, the day's bytes were spent, or the disk had no room
	Removed uint64 `json:"removed"` // the oldest of the ring
}

type picture struct {
	name  string
	still Still
	boxes []Box // of a detector; nil of a classifier
}

// files are the picture, and before it what was found on it: a picture that is there has its boxes.
func (p picture) files() (all []durable.Named) {
	if p.boxes != nil {
		all = append(all, Found{p.boxes}.file(p.name))
	}
	return append(all, durable.Named{Name: p.name, Data: p.still.encode()})
}

// The writer's bounds: pictures that wait, bytes of a batch, and how long the first of a batch waits.
const (
	queueLimit = 32
	batchBytes = 4 << 20
	batchWait  = 10 * time.Second
)

// NewKeeper keeps pictures in a ring; the rules are the fields, set before the first Offer.
func NewKeeper(r *Ring, failed func(error)) *Keeper {
	return &Keeper{Ring: r, Failed: failed, queue: make(chan picture, queueLimit), batch: batchBytes}
}

// why says whether a verdict's picture is kept, and as what.
func (k *Keeper) why(v Verdict) string {
	switch {
	case v.Doubtful && k.Doubtful:
		return keepDoubtful
	case v.Bad && k.Rejects:
		return keepReject
	case !v.Bad && k.PassOne > 0:
		if k.passes++; (k.passes-1)%k.PassOne == 0 {
			return keepPass
		}
	}
	return ""
}

// Offer takes a picture if it is one to keep, and returns the name that it will have. It never waits. still is called
// only then.
func (k *Keeper) Offer(part uint64, v Verdict, still func() Still) string {
	why := k.why(v)
	if why == "" {
		return ""
	}
	if len(k.queue) == cap(k.queue) {
		k.drop(1)
		return ""
	}
	s := still()
	ext := ".png"
	if s.JPEG != nil {
		ext = ".jpg"
	}
	p := picture{fmt.Sprintf("%06d-%08d-%s-%s%s", k.Ring.run, part, why, safe(v.Class), ext), s, v.Boxes}
	select {
	case k.queue <- p:
		return p.name
	default:
		k.drop(1)
		return ""
	}
}

// Name is what the name of a kept picture says of it.
type Name struct {
	Run, Part uint64
	Why       string // reject, doubtful, pass
	Says      string // the class that the model gave it, as far as names can say it
}

// ParseName reads the name of a kept picture; false for any other file.
func ParseName(name string) (n Name, ok bool) {
	ext := filepath.Ext(name)
	f := strings.SplitN(strings.TrimSuffix(name, ext), "-", 4)
	if len(f) != 4 || ext != ".jpg" && ext != ".png" || !slices.Contains([]string{keepReject, keepDoubtful, keepPass}, f[2]) {
		return n, false
	}
	run, err := strconv.ParseUint(f[0], 10, 64)
	part, err2 := strconv.ParseUint(f[1], 10, 64)
	return Name{run, part, f[2], f[3]}, err == nil && err2 == nil
}

// safe is a class as a part of a file's name.
func safe(class string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == '-' || r < ' ' {
			return '_'
		}
		return r
	}, class[:min(len(class), 64)])
}

func (k *Keeper) drop(n uint64) {
	k.mu.Lock()
	k.kept.Dropped += n
	k.mu.Unlock()
}

// Kept is the counts so far.
func (k *Keeper) Kept() Kept {
	if k == nil {
		return Kept{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept
}

// Run writes until ctx ends, and then what waits.
func (k *Keeper) Run(ctx context.Context) {
	var batch []durable.Named
	bytes := 0
	t := time.NewTicker(batchWait)
	defer t.Stop()
	flush := func() { k.write(batch); batch, bytes = batch[:0], 0 }
	take := func(p picture) {
		for _, f := range p.files() {
			batch, bytes = append(batch, f), bytes+len(f.Data)
		}
		if bytes >= k.batch {
			flush()
		}
	}
	for {
		select {
		case p := <-k.queue:
			take(p)
			continue
		case <-t.C:
		case <-ctx.Done():
			for len(k.queue) > 0 {
				take(<-k.queue)
			}
			flush()
			return
		}
		flush()
	}
}

func (s Still) encode() []byte {
	if s.JPEG != nil {
		return s.JPEG
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, s.Image); err != nil {
		panic(err) // a buffer takes all, and a camera's picture has pixels
	}
	return b.Bytes()
}

// write makes a batch durable.
func (k *Keeper) write(batch []durable.Named) {
	if len(batch) == 0 {
		return
	}
	wrote, removed, err := k.Ring.Write(batch)
	k.mu.Lock()
	for _, n := range batch[:wrote] {
		k.kept.Bytes += uint64(len(n.Data))
	}
	k.kept.Written += pictures(batch[:wrote])
	k.kept.Removed += uint64(removed)
	k.kept.Dropped += pictures(batch[wrote:])
	tell := err != nil && !k.failing
	k.failing = err != nil
	k.mu.Unlock()
	if tell {
		k.Failed(fmt.Errorf("pictures: %w", err))
	}
}

// pictures is how many of some files are pictures.
func pictures(files []durable.Named) (n uint64) {
	for _, f := range files {
		if _, ok := ParseName(f.Name); ok {
			n++
		}
	}
	return n
}
