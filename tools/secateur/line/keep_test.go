package line

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/device/durable"
)

func writers(w ...io.Writer) []io.Writer { return w }

func TestMain(m *testing.M) {
	if dir := os.Getenv("LINE_TEST_CHILD"); dir != "" {
		keepForEver(dir)
		return
	}
	os.Exit(m.Run())
}

func batch(run, first, n, size int) (all []durable.Named) {
	for i := range n {
		all = append(all, durable.Named{Name: fmt.Sprintf("%06d-%08d-reject-bad.jpg", run, first+i), Data: bytes.Repeat([]byte{byte(first + i)}, size)})
	}
	return all
}

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func TestRing(t *testing.T) {
	dir, free := t.TempDir(), int64(1<<40)
	now := time.Now()
	open := func(o RingOptions) *Ring {
		o.Dir = dir
		r, err := OpenRing(o)
		if err != nil {
			t.Fatal(err)
		}
		r.free, r.now = func(string) (int64, error) { return free, nil }, func() time.Time { return now }
		return r
	}
	r := open(RingOptions{Budget: 1000, PerDay: 2500, Reserve: 100})
	for i := range 20 {
		wrote, _, err := r.Write(batch(1, i, 1, 100))
		if wrote != 1 || err != nil {
			t.Fatal(wrote, err)
		}
	}
	if got := namesIn(t, dir); len(got) != 10 || !strings.HasPrefix(got[0], "000001-00000010-") {
		t.Errorf("the ring holds %q", got)
	}
	wrote, _, err := r.Write(batch(1, 20, 8, 100))
	if wrote != 5 || !errors.Is(err, ErrSpent) {
		t.Errorf("%d pictures, %v; the day has 500 bytes left", wrote, err)
	}
	now = now.Add(25 * time.Hour)
	if wrote, _, err = r.Write(batch(1, 28, 1, 100)); wrote != 1 || err != nil {
		t.Error("a new day:", wrote, err)
	}
	free = 150
	wrote, removed, err := r.Write(batch(1, 29, 1, 100))
	if wrote != 0 || removed != 10 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %d written, %d removed, %v", wrote, removed, err)
	}
	free = 1 << 40
	r = open(RingOptions{Budget: 1000, Age: time.Hour})
	if r.run != 1 { // nothing was left to count from
		t.Error("run", r.run)
	}
	r.Write(batch(7, 1, 2, 10))
	if r = open(RingOptions{Budget: 1000, Age: time.Hour}); r.run != 8 || len(r.files) != 2 {
		t.Errorf("run %d after run 7, %d files", r.run, len(r.files))
	}
	now = now.Add(48 * time.Hour)
	if _, removed, _ = r.Write(batch(8, 1, 1, 10)); removed != 2 {
		t.Error("old pictures stay:", removed)
	}
}

func TestWhatIsKept(t *testing.T) {
	ring, err := OpenRing(RingOptions{Dir: t.TempDir(), Budget: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	k := NewKeeper(ring, func(err error) { t.Error(err) })
	k.Rejects, k.Doubtful, k.PassOne = true, true, 3
	still := func() Still { return Still{Image: image.NewGray(image.Rect(0, 0, 2, 2))} }
	for i, want := range []string{"pass-a_b", "", "", "pass-a_b", "reject-a_b", "doubtful-a_b"} {
		got := k.Offer(uint64(i+1), Verdict{Class: "a/b", Bad: i >= 4, Doubtful: i == 5}, still)
		if want != "" {
			want = fmt.Sprintf("000001-%08d-%s.png", i+1, want)
		}
		if got != want {
			t.Errorf("part %d: kept as %q, want %q", i+1, got, want)
		}
	}
	for i := range 100 { // nobody writes: the queue is bounded
		k.Offer(uint64(i), Verdict{Bad: true}, still)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k.Run(ctx)
	if s := k.Kept(); s.Written != queueLimit || s.Dropped != 104-queueLimit || len(namesIn(t, ring.Dir)) != queueLimit {
		t.Errorf("%+v", s)
	}
}

// TestFoundIsKept: what a detector found lies beside its picture, and comes and goes with it; pictures are counted, not files.
func TestFoundIsKept(t *testing.T) {
	dir := t.TempDir()
	keep := func(budget int64, parts ...uint64) Kept {
		ring, err := OpenRing(RingOptions{Dir: dir, Budget: budget})
		if err != nil {
			t.Fatal(err)
		}
		k := NewKeeper(ring, func(err error) { t.Error(err) })
		k.Doubtful = true
		for _, part := range parts {
			v := Verdict{Class: "hole", Doubtful: true, Boxes: []Box{{Box: box("hole", 0.45, 8, float64(part))}}}
			k.Offer(part, v, func() Still { return Still{JPEG: bytes.Repeat([]byte{1}, 1000)} })
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		k.Run(ctx)
		return k.Kept()
	}
	if got := keep(1<<20, 5, 6); got.Written != 2 || got.Bytes < 2000 {
		t.Errorf("%+v", got)
	}
	f, err := ReadFound(dir, "000001-00000006-doubtful-hole.jpg")
	if err != nil || len(f.Boxes) != 1 || f.Boxes[0].Box != box("hole", 0.45, 8, 6) {
		t.Errorf("%+v, %v", f, err)
	}
	if got := keep(2500, 7); got.Written != 1 || got.Removed != 1 {
		t.Errorf("%+v", got)
	}
	want := []string{"000001-00000006-doubtful-hole.jpg", "000001-00000006-doubtful-hole.json", "000002-00000007-doubtful-hole.jpg", "000002-00000007-doubtful-hole.json"}
	if got := namesIn(t, dir); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if f, err = ReadFound(dir, "000001-00000005-doubtful-hole.jpg"); err != nil || f.Boxes != nil {
		t.Errorf("of a picture that is gone: %+v, %v", f, err)
	}
	ring := &Ring{RingOptions: RingOptions{Budget: 1100}}
	pair := picture{"000003-00000001-doubtful-hole.jpg", Still{JPEG: make([]byte, 1090)}, []Box{{}}}.files()
	if n, _ := ring.allowed(pair); len(pair) != 2 || n != 0 {
		t.Errorf("%d of %d files: boxes without their picture", n, len(pair))
	}
}

func TestLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	f, err := OpenFile(path, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	log := &Log{Sinks: writers(f), Failed: func(err error) { t.Error(err) }}
	for range 500 {
		log.Event(Event{Event: "part", Class: "good"})
	}
	f.Close()
	newest, older := readEvents(t, path), readEvents(t, path+".1")
	if newest[len(newest)-1].Number != 500 || older[len(older)-1].Number+1 != newest[0].Number {
		t.Errorf("%d to %d, %d to %d", older[0].Number, older[len(older)-1].Number, newest[0].Number, newest[len(newest)-1].Number)
	}
	for _, p := range []string{path, path + ".1"} {
		if st, err := os.Stat(p); err != nil || st.Size() > 5000 {
			t.Error(p, st.Size(), err)
		}
	}
	cut, _ := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	cut.WriteString(`{"event":"par`)
	cut.Close()
	if f, err = OpenFile(path, 10_000); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if again := readEvents(t, path); len(again) != len(newest) {
		t.Errorf("%d events after a crash, want %d", len(again), len(newest))
	}
}

func readEvents(t *testing.T, path string) (all []Event) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for l := range bytes.Lines(b) {
		var e Event
		if err := json.Unmarshal(l, &e); err != nil || l[len(l)-1] != '\n' {
			t.Fatalf("%s: %q: %v", path, l, err)
		}
		all = append(all, e)
	}
	return all
}

// keepForEver is the child of TestKilled: a line that rejects and keeps every frame, small batches.
func keepForEver(dir string) {
	ring, err := OpenRing(RingOptions{Dir: filepath.Join(dir, "pictures"), Budget: 1 << 20})
	if err != nil {
		panic(err)
	}
	f, err := OpenFile(filepath.Join(dir, "events.jsonl"), 1<<20)
	if err != nil {
		panic(err)
	}
	log := &Log{Sinks: writers(f, os.Stdout), Failed: func(err error) { panic(err) }}
	k := NewKeeper(ring, func(err error) { panic(err) })
	k.Rejects, k.batch = true, 2000
	go k.Run(context.Background())
	clock := &virtual{}
	l := &Line{Source: &endless{stop: make(chan struct{})}, Events: log.Event, Now: clock.now, Rules: Rules{Reject: []string{"bad"}}, Keep: k,
		Models: Fixed(&Loaded{Model: judge(func(m image.Image) (*eval.Prediction, error) {
			time.Sleep(100 * time.Microsecond)
			return says("bad", 1)(m)
		})})}
	l.Init(4, 0, false)
	l.Run(context.Background())
}

// TestKilled: after kill -9 every picture that is there is whole, and every event.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	pictures := 0
	for i := range 4 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "LINE_TEST_CHILD="+dir)
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		io.CopyN(io.Discard, out, int64(20_000+10_000*i)) // it is under way
		c.Process.Kill()
		io.Copy(io.Discard, out)
		c.Wait()
		f, err := OpenFile(filepath.Join(dir, "events.jsonl"), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if n := len(readEvents(t, filepath.Join(dir, "events.jsonl"))); n < 50 {
			t.Errorf("%d events", n)
		}
		for _, name := range namesIn(t, filepath.Join(dir, "pictures")) {
			if durable.IsTemp(name, "") {
				continue
			}
			b, err := os.ReadFile(filepath.Join(dir, "pictures", name))
			if err == nil {
				_, err = png.Decode(bytes.NewReader(b))
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			pictures++
		}
	}
	if pictures == 0 {
		t.Error("no picture was ever kept: the test does not test")
	}
}
