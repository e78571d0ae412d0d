package data

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var tiny = Preprocess{Width: 6, Height: 5, Mean: [3]float32{128, 128, 128}, Std: [3]float32{64, 64, 64}}

// stock is n pictures of two classes on disk.
func stock(t testing.TB, n int) []Sample {
	t.Helper()
	dir := t.TempDir()
	var out []Sample
	for i := range n {
		name := fmt.Sprintf("%02d.png", i)
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, encodePNG(t, 9+i%3, 8, uint8(i)), 0o600))
		out = append(out, Sample{Path: path, Name: name, Class: i % 2})
	}
	return out
}

func newBatch(l *Loader) *Batch {
	n := l.opt.Batch
	return &Batch{
		X:       make([]float32, n*l.pre.Floats()),
		Labels:  make([]int32, n),
		Targets: make([]float32, n*l.opt.Classes),
		Index:   make([]int32, n),
	}
}

// load is a loader that the test closes.
func load(t testing.TB, s []Sample, o LoaderOptions) *Loader {
	t.Helper()
	o.Classes = 2
	l, err := NewLoader(s, tiny, o)
	must(t, err)
	t.Cleanup(l.Close)
	return l
}

// drainEpoch is one line for each batch of the epoch from step on: its samples and a hash of everything.
func drainEpoch(t testing.TB, l *Loader, epoch, step int, shuffle bool) []string {
	t.Helper()
	l.Epoch(epoch, step, shuffle)
	b := newBatch(l)
	var out []string
	for {
		n, err := l.Next(b)
		if err == io.EOF {
			return out
		}
		must(t, err)
		h := fnv.New64a()
		for _, v := range append(slices.Clone(b.X), b.Targets...) {
			bits := math.Float32bits(v)
			h.Write([]byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
		}
		out = append(out, fmt.Sprintf("%d of %v labels %v hash %x", n, b.Index, b.Labels, h.Sum64()))
	}
}

func everything() *Augment {
	a := DefaultAugment()
	a.FlipUp, a.Rotate, a.Blur, a.Mixup = 0.5, 10, 1, 0.4
	return &a
}

// Neither threads, nor batches ahead, nor the cache, nor what was asked before change a bit.
func TestLoaderIsDeterministic(t *testing.T) {
	s := stock(t, 11)
	base := LoaderOptions{Batch: 3, Augment: everything(), Oversize: 1.3, Seed: 5, Threads: 1, Ahead: 1}
	want := drainEpoch(t, load(t, s, base), 2, 0, true)
	for _, change := range []func(*LoaderOptions){
		func(o *LoaderOptions) { o.Threads, o.Ahead = 4, 3 },
		func(o *LoaderOptions) { o.Threads, o.CacheBytes = 3, 1<<20 },
		func(o *LoaderOptions) { o.CacheBytes = 500 },
	} {
		o := base
		change(&o)
		l := load(t, s, o)
		drainEpoch(t, l, 0, 0, true)
		drainEpoch(t, l, 1, 2, false)
		same(t, "epoch 2", drainEpoch(t, l, 2, 0, true), want)
	}
	l := load(t, s, base)
	if slices.Equal(drainEpoch(t, l, 3, 0, true), want) {
		t.Error("epochs 2 and 3 are the same")
	}
	if slices.Equal(drainEpoch(t, l, 2, 0, false), want) {
		t.Error("the shuffled order is the plain one")
	}
	base.Seed = 6
	if slices.Equal(drainEpoch(t, load(t, s, base), 2, 0, true), want) {
		t.Error("seeds 5 and 6 give the same")
	}
}

// What comes after a step is the same whether or not what was before it was loaded.
func TestLoaderResumes(t *testing.T) {
	s := stock(t, 11)
	o := LoaderOptions{Batch: 3, Augment: everything(), Seed: 5, Last: WrapLast}
	want := drainEpoch(t, load(t, s, o), 4, 0, true)
	for step := range len(want) + 1 {
		got := drainEpoch(t, load(t, s, o), 4, step, true)
		same(t, fmt.Sprintf("from step %d", step), append([]string{}, got...), append([]string{}, want[step:]...))
	}
}

func TestLoaderBreaksOffAnEpoch(t *testing.T) {
	l := load(t, stock(t, 11), LoaderOptions{Batch: 2, Threads: 2, Ahead: 3})
	want := drainEpoch(t, l, 0, 0, false)
	for range 5 {
		l.Epoch(1, 0, true)
		if _, err := l.Next(newBatch(l)); err != nil {
			t.Fatal(err)
		}
		same(t, "the next epoch", drainEpoch(t, l, 0, 0, false), want)
	}
}

func TestLoaderLast(t *testing.T) {
	s := stock(t, 7)
	index := func(last Last) (steps int, all []int32, ns []int) {
		l := load(t, s, LoaderOptions{Batch: 3, Last: last})
		l.Epoch(0, 0, false)
		b := newBatch(l)
		for {
			n, err := l.Next(b)
			if err == io.EOF {
				return l.Steps(), all, ns
			}
			must(t, err)
			all, ns = append(all, b.Index[:n]...), append(ns, n)
			for i, v := range b.X[n*tiny.Floats():] {
				if v != 0 {
					t.Fatalf("padding holds %v at %d", v, i)
				}
			}
		}
	}
	steps, all, ns := index(PadLast)
	same(t, "padded", []any{steps, all, ns}, []any{3, []int32{0, 1, 2, 3, 4, 5, 6}, []int{3, 3, 1}})
	steps, all, ns = index(DropLast)
	same(t, "dropped", []any{steps, all, ns}, []any{2, []int32{0, 1, 2, 3, 4, 5}, []int{3, 3}})
	steps, all, ns = index(WrapLast)
	same(t, "wrapped", []any{steps, all, ns}, []any{3, []int32{0, 1, 2, 3, 4, 5, 6, 0, 1}, []int{3, 3, 3}})
}

// Without augmentation a sample is what Decode and Prepare make of its file.
func TestLoaderIsPrepare(t *testing.T) {
	s := stock(t, 3)
	l := load(t, s, LoaderOptions{Batch: 3, CacheBytes: 1 << 20})
	for epoch := range 2 {
		l.Epoch(epoch, 0, false)
		b := newBatch(l)
		if _, err := l.Next(b); err != nil {
			t.Fatal(err)
		}
		for i, x := range s {
			img, err := Decode(x.Path)
			must(t, err)
			want := make([]float32, tiny.Floats())
			tiny.Prepare(want, img, new(Resizer))
			same(t, x.Name, b.X[i*len(want):][:len(want)], want)
		}
		same(t, "labels", b.Labels, []int32{0, 1, 0})
		same(t, "targets", b.Targets, []float32{1, 0, 0, 1, 1, 0})
	}
}

func TestLoaderNamesVanishedFile(t *testing.T) {
	s := stock(t, 8)
	must(t, os.Remove(s[4].Path))
	must(t, os.Remove(s[5].Path))
	l := load(t, s, LoaderOptions{Batch: 3, Threads: 4})
	l.Epoch(0, 0, false)
	b := newBatch(l)
	if n, err := l.Next(b); n != 3 || err != nil {
		t.Fatalf("first batch: %d, %v", n, err)
	}
	for range 2 {
		_, err := l.Next(b)
		want := s[4].Path + ": no such file or directory"
		if err == nil || err.Error() != want || !errors.Is(err, ErrUnusable) || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	l.Epoch(0, 0, false)
	if n, err := l.Next(b); n != 3 || err != nil {
		t.Errorf("first batch again: %d, %v", n, err)
	}
}

func TestLoaderCacheOutlivesFiles(t *testing.T) {
	s := stock(t, 5)
	l := load(t, s, LoaderOptions{Batch: 2, CacheBytes: 1 << 20})
	want := drainEpoch(t, l, 0, 0, false)
	for _, x := range s {
		must(t, os.Remove(x.Path))
	}
	same(t, "from the cache", drainEpoch(t, l, 0, 0, false), want)
}

func TestLoaderCloses(t *testing.T) {
	s := stock(t, 20)
	before := runtime.NumGoroutine()
	for range 5 {
		l, err := NewLoader(s, tiny, LoaderOptions{Batch: 4, Classes: 2, Threads: 3})
		must(t, err)
		l.Epoch(0, 0, true)
		l.Close()
		l.Close()
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestLoaderRefuses(t *testing.T) {
	s := stock(t, 3)
	outside := []Sample{{Path: "x.png", Class: 2}}
	for _, c := range []struct {
		s    []Sample
		o    LoaderOptions
		want string
	}{
		{nil, LoaderOptions{Batch: 1}, "no sample to load"},
		{s, LoaderOptions{}, "batch of 0 samples, want at least 1"},
		{s, LoaderOptions{Batch: 4, Last: DropLast}, "3 samples do not fill a batch of 4"},
		{s, LoaderOptions{Batch: 1, Augment: everything(), Oversize: 0.5}, "oversize of 0.5, want 1 to 4"},
		{s, LoaderOptions{Batch: 1, Augment: &Augment{Flip: -1}}, "augmentation: flip is -1, want 0 to 1"},
		{s, LoaderOptions{Batch: 1, Augment: &Augment{Transpose: 1}}, "augmentation: transpose of an input of 6×5 pixels, want a square one"},
		{outside, LoaderOptions{Batch: 1}, "x.png: class 2, want 0 to 1"},
	} {
		c.o.Classes = 2
		if _, err := NewLoader(c.s, tiny, c.o); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

func TestLoaderPanicsOnWrongBatch(t *testing.T) {
	l := load(t, stock(t, 3), LoaderOptions{Batch: 2, Augment: everything()})
	l.Epoch(0, 0, false)
	for name, spoil := range map[string]func(*Batch){
		"floats":  func(b *Batch) { b.X = b.X[1:] },
		"labels":  func(b *Batch) { b.Labels = b.Labels[1:] },
		"targets": func(b *Batch) { b.Targets = nil }, // mixup needs them
	} {
		b := newBatch(l)
		spoil(b)
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), name) {
					t.Errorf("%s: recovered %v", name, r)
				}
			}()
			l.Next(b)
		}()
	}
}

// With everything in the cache what is left are the random streams, some hundred bytes a sample.
func TestLoaderAllocatesLittle(t *testing.T) {
	l := load(t, stock(t, 16), LoaderOptions{Batch: 16, Augment: everything(), CacheBytes: 1 << 20, Threads: 2})
	drainEpoch(t, l, 0, 0, true)
	b, epoch := newBatch(l), 1
	perEpoch := testing.AllocsPerRun(20, func() {
		l.Epoch(epoch, 0, true)
		if _, err := l.Next(b); err != nil {
			t.Error(err)
		}
		epoch++
	})
	if perEpoch > 16*6 {
		t.Errorf("%v allocations for a batch of 16, want at most 6 a sample", perEpoch)
	}
}
