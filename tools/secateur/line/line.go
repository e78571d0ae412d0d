// Package line is inference on the line: camera → model → decision → GPIO and events. Every part ends as one of
// judged, late or lost, and is told of by an event.
package line

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"sync"
	"time"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/gpio"
)

// Model judges pictures; eval.Predictor is one.
type Model interface {
	Image(name string, m image.Image) (*eval.Prediction, error)
}

// Rejector lets bad parts leave the line; gpio.Rejector is one.
type Rejector interface {
	Trigger(gpio.Edge) (id uint64, err error)
	Decide(id uint64, bad bool) error
}

// Line is the pipeline. The fields are set before Run. Pictures are judged in the camera's own goroutine: those that
// come meanwhile wait in the camera's driver, whose queue is bounded and which counts what it drops.
type Line struct {
	Source  camera.Source
	Edges   gpio.Edges // nil: every frame is a part
	Reject  Rejector   // nil: nothing is driven
	Models  *Models
	Rules   Rules
	Crop    image.Rectangle // of the picture; empty: all of it
	Parts   uint64          // Run ends after so many; 0: when the source or ctx ends
	Silence time.Duration   // without a part for so long is an alarm; 0: never
	Budget  time.Duration   // from trigger to verdict; without Reject a later verdict is late
	Events  func(Event)
	Keep    *Keeper // nil: no picture is kept
	Drift   *Drift  // nil: not watched
	Witness *Witness
	Now     func() time.Duration // on the clock of edges and frames

	tracker *Tracker
	mu      sync.Mutex // of tracker and stats
	stats   Stats
	times   latencies
	pulse   pulse
	silence silence
	conv    camera.Converter
}

// Init makes the line ready. inFlight is how many parts may wait for their picture, patience how long one may,
// exact says that each edge makes the sensor expose one frame.
func (l *Line) Init(inFlight int, patience time.Duration, exact bool) {
	l.tracker = &Tracker{Limit: inFlight, Patience: patience, Exact: exact}
	l.pulse.now = l.Now
	l.silence.last = l.Now()
	if l.Events == nil {
		l.Events = func(Event) {}
	}
	if l.Models.Events == nil {
		l.Models.Events = l.Events
	}
}

// Run judges until ctx ends, the source ends, or Parts are done; none of these is an error.
func (l *Line) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	edges := make(chan error, 1)
	if l.Edges != nil {
		wg.Add(1)
		go func() {
			defer wg.Done()
			edges <- l.readEdges(ctx)
			stop() // a line without its trigger is stopped, not silent
		}()
	}
	err := l.readFrames(ctx)
	stopped := ctx.Err() != nil
	stop()
	wg.Wait()
	l.lose(l.tracker.Expire(1<<63-1), "the line stopped")
	if errors.Is(err, io.EOF) || stopped && errors.Is(err, context.Canceled) {
		err = nil
	}
	select {
	case e := <-edges:
		if !errors.Is(e, context.Canceled) {
			err = errors.Join(e, err)
		}
	default:
	}
	return err
}

func (l *Line) readEdges(ctx context.Context) error {
	for {
		e, err := l.Edges.Next(ctx)
		if err != nil {
			return fmt.Errorf("trigger: %w", err)
		}
		l.Edge(e)
	}
}

func (l *Line) readFrames(ctx context.Context) error {
	var f camera.Frame
	for !l.done() {
		l.pulse.waits()
		if err := l.Source.Next(ctx, &f); err != nil {
			return err
		}
		l.pulse.works()
		l.Frame(&f)
	}
	return nil
}

func (l *Line) done() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Parts > 0 && l.stats.Ended() >= l.Parts
}

// Edge announces a part. Edges that were lost before it are parts that nobody will see.
func (l *Line) Edge(e gpio.Edge) {
	l.mu.Lock()
	l.silence.last = l.Now()
	p, missed, full := l.tracker.Edge(e)
	l.stats.Parts += uint64(missed.Count())
	l.stats.Parts++
	if l.Reject != nil && !full {
		if id, err := l.Reject.Trigger(e); err == nil {
			l.tracker.Name(p.Number, id)
		}
	}
	l.mu.Unlock()
	l.lost(missed, "the edge was lost", l.Reject == nil && l.Rules.LateBad)
	if full {
		l.lost(Range{p.Number, p.Number}, "more parts wait for their picture than fit", l.Reject == nil && l.Rules.LateBad)
	}
}

// Frame is a frame of the camera: a part's picture, or none.
func (l *Line) Frame(f *camera.Frame) {
	if l.Edges == nil {
		l.Edge(gpio.Edge{Time: f.Time, Lost: f.Lost})
	}
	l.mu.Lock()
	p, ok, lost := l.tracker.Frame(f.Time, f.Lost)
	l.stats.Frames++
	l.stats.FramesLost += f.Lost
	if f.Reopened {
		l.stats.Reopened++
	}
	l.mu.Unlock()
	l.loseEach(lost, "no picture was taken of it")
	if f.Reopened {
		l.Events(Event{Event: "camera", Reason: "the camera is back"})
	}
	if ok {
		l.judge(p, f)
	}
}

// judge gives the verdict on a part: first to the reject output, then to everybody else.
func (l *Line) judge(p Part, f *camera.Frame) {
	if f.Damaged {
		l.lose(Range{p.Number, p.Number}, "its picture is damaged")
		return
	}
	m, err := l.conv.Image(f)
	if err != nil {
		l.lose(Range{p.Number, p.Number}, err.Error())
		return
	}
	lease := l.Models.Acquire()
	r, err := lease.Model.Image("part", crop(m, l.Crop))
	lease.Release()
	if err != nil {
		l.lose(Range{p.Number, p.Number}, err.Error())
		l.Models.Broke(lease.Number, err)
		return
	}
	v := l.Rules.Decide(r)
	late := l.decide(p, v.Bad)
	took := l.Now() - p.At
	if late {
		v.Bad = l.Rules.LateBad
	}
	l.conclude(p, v, late, took, lease.Number, f, m)
}

// decide tells the reject output, and whether the verdict came too late.
func (l *Line) decide(p Part, bad bool) (late bool) {
	if l.Reject == nil {
		return l.Budget > 0 && l.Now()-p.At > l.Budget
	}
	return l.Reject.Decide(p.Reject, bad) != nil
}

// conclude counts the part and tells of it.
func (l *Line) conclude(p Part, v Verdict, late bool, took time.Duration, model uint64, f *camera.Frame, m image.Image) {
	l.mu.Lock()
	l.stats.count(v, late)
	if took > l.Budget && l.Budget > 0 {
		l.stats.OverBudget++
	}
	l.times.add(took)
	l.mu.Unlock()
	e := v.event(p, late, took, model)
	if l.Keep != nil {
		e.Picture = l.Keep.Offer(p.Number, v, l.still(f, m))
	}
	l.Events(e)
	alarmed := l.watch(v, model, m)
	l.Models.Judged(model, v.Bad, alarmed)
}

// still makes what is kept of a picture: what the model saw, as the camera gave it where that can be.
func (l *Line) still(f *camera.Frame, m image.Image) func() Still {
	return func() Still {
		if f.Pixel == camera.MJPEG && l.Crop.Empty() {
			return Still{JPEG: camera.JPEG(f)}
		}
		return Still{Image: camera.Still(crop(m, l.Crop))}
	}
}

// watch looks for drift of scores and brightness.
func (l *Line) watch(v Verdict, model uint64, m image.Image) (alarmed bool) {
	for _, a := range []func() *Event{
		func() *Event { return l.Drift.Add(model, v.Sign) },
		func() *Event { return l.Witness.Look(m) },
	} {
		if e := a(); e != nil {
			l.Events(*e)
			alarmed = alarmed || e.On != nil && *e.On
		}
	}
	return alarmed
}

// Tick ends the wait of parts whose picture does not come, and looks whether parts come at all; it is called now and then.
func (l *Line) Tick() {
	l.mu.Lock()
	lost := l.tracker.Expire(l.Now())
	alarm := l.silence.look(l.Now(), l.Silence)
	l.mu.Unlock()
	l.lose(lost, "no picture came in time")
	if alarm != nil {
		l.Events(*alarm)
	}
}

// silence is a line on which no part comes: it stands, or its trigger is broken.
type silence struct {
	last time.Duration // when a part came
	on   bool
}

// look is the alarm that begins or ends now.
func (s *silence) look(now, limit time.Duration) *Event {
	if limit == 0 {
		return nil
	}
	quiet := now-s.last > limit
	return turn("trigger", &s.on, quiet, !quiet, fmt.Sprintf("no part has come for %v", limit))
}

// lose tells of parts that nobody judged. What leaves the line then is what the reject output does by default.
func (l *Line) lose(r Range, reason string) { l.lost(r, reason, l.Rules.LateBad) }

// lost is lose of parts that bad says the fate of: those that the reject output knows nothing of pass.
func (l *Line) lost(r Range, reason string, bad bool) {
	n := r.Count()
	if n == 0 {
		return
	}
	l.mu.Lock()
	l.stats.Lost += uint64(n)
	l.mu.Unlock()
	l.Events(Event{Event: "lost", Part: r.First, Parts: uint64(n), Decision: decisionName(bad), Reason: reason})
}

func (l *Line) loseEach(parts []Part, reason string) {
	for _, p := range parts {
		l.lose(Range{p.Number, p.Number}, reason)
	}
}

// Stats are the counts so far.
func (l *Line) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.P50, s.P99 = l.times.percentiles()
	s.Waiting = uint64(l.tracker.Waiting())
	return s
}

// crop is a part of a picture.
func crop(m image.Image, r image.Rectangle) image.Image {
	s, ok := m.(interface {
		SubImage(image.Rectangle) image.Image
	})
	if r.Empty() || !ok {
		return m
	}
	return s.SubImage(r)
}
