package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"slices"
	"time"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/zoo"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/clock"
	"github.com/secateur/secateur/device/gpio"
	"github.com/secateur/secateur/device/slot"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/tools/secateur/box"
	"github.com/secateur/secateur/tools/secateur/line"
	periph "periph.io/x/conn/v3/gpio"
)

// How often the line looks at the models' store, and for parts whose picture does not come.
const (
	storeEvery = time.Second
	tickEvery  = 100 * time.Millisecond
)

// newLine is the line as the configuration has it, without camera and model.
func (b *runner) newLine() error {
	r := b.conf.Reject
	b.line = &line.Line{
		Parts: b.flags.frames, Silence: time.Duration(b.conf.Trigger.Timeout), Budget: time.Duration(b.conf.Run.Latency), Events: b.event, Now: clock.Now, Crop: rectangle(b.conf.Camera.Crop),
		Rules: line.Rules{Reject: r.Classes, Score: r.Score, Zones: zones(b.conf), Margin: b.conf.Run.Margin, Doubtful: b.conf.Run.Doubtful, LateBad: r.Late == "reject"},
		Drift: &line.Drift{Limit: b.conf.Run.Drift, Window: b.conf.Run.Window},
	}
	if b.rejector != nil {
		b.line.Reject = b.rejector
	}
	if w := rectangle(b.conf.Camera.Witness); !w.Empty() {
		b.line.Witness = &line.Witness{Region: w, Mean: b.conf.Camera.WitnessMean, Drift: b.conf.Camera.WitnessDrift}
	}
	return nil
}

// openModels loads the model that judges; then the line is ready.
func (b *runner) openModels() error {
	env, err := newEnv(b.c)
	if err != nil {
		return err
	}
	if n := b.conf.Run.Threads; n > 0 && !b.c.Flags().Changed("threads") {
		env.Pool.Close()
		env.Pool = kernels.NewPool(n)
	}
	b.closers = append(b.closers, func() error { env.Pool.Close(); return nil })
	if b.flags.model != "" {
		b.line.Models, err = b.fixedModel(env)
	} else {
		err = b.storedModel(env)
	}
	if err != nil {
		return err
	}
	b.line.Init(b.conf.Reject.InFlight, b.patience(), b.conf.Camera.XTR && b.conf.Trigger.Source == "gpio")
	return nil
}

func rectangle(r []int) image.Rectangle {
	if len(r) != 4 {
		return image.Rectangle{}
	}
	return image.Rect(r[0], r[1], r[0]+r[2], r[1]+r[3])
}

// fixedModel is that of --model.
func (b *runner) fixedModel(env graph.Env) (*line.Models, error) {
	g, err := zoo.Model()
	if b.flags.model != "demo" {
		g, err = loadModel(b.flags.model)
	}
	if err != nil {
		return nil, err
	}
	loaded, err := b.ready(env, g)
	if err != nil {
		return nil, err
	}
	b.line.Drift.Reset(0, loaded.Reference)
	return line.Fixed(loaded), nil
}

// storedModel is the box's live one.
func (b *runner) storedModel(env graph.Env) error {
	store, err := box.OpenModels(b.conf)
	if err != nil {
		return err
	}
	m := &line.Models{Store: store, Trial: b.conf.Models.Trial, Events: b.event,
		Load: func(about *slot.Model) (*line.Loaded, error) {
			g, err := checkpoint.LoadModel(store.Path(about.Number))
			if err != nil {
				return nil, err
			}
			return b.ready(env, g)
		},
		Live: func(number uint64, loaded *line.Loaded) { b.line.Drift.Reset(number, loaded.Reference) },
	}
	b.line.Models = m
	if err := m.Begin(); err != nil {
		return err
	}
	b.beside = append(b.beside, func(ctx context.Context) { m.Watch(ctx, storeEvery) })
	return nil
}

// zones is where boxes reject: those of the configuration, else everywhere.
func zones(c *firmwareconfig.Config) []line.Zone {
	all := c.Zones
	if len(all) == 0 && len(c.Reject.Classes) > 0 {
		all = []firmwareconfig.Zone{{}}
	}
	var list []line.Zone
	for _, z := range all {
		l := line.Zone{Name: z.Name, Polygon: z.Polygon, Classes: z.Classes, Score: cmp.Or(z.Score, c.Reject.Score)}
		if len(l.Classes) == 0 {
			l.Classes = c.Reject.Classes
		}
		list = append(list, l)
	}
	return list
}

// checkClasses holds a model's classes against the configuration.
func (b *runner) checkClasses(g *graph.Graph) error {
	if len(b.conf.Zones) > 0 && !detect.Is(g) {
		return usagef("the configuration has zones, which are for detectors; the model classifies")
	}
	named := map[string][]string{"reject.classes": b.conf.Reject.Classes}
	for i, z := range b.conf.Zones {
		named[fmt.Sprintf("zone[%d].classes", i)] = z.Classes
	}
	for _, key := range slices.Sorted(maps.Keys(named)) {
		for _, class := range named[key] {
			if !slices.Contains(g.Labels(), class) {
				return usagef("%s names %q; the model's classes are %q", key, class, g.Labels())
			}
		}
	}
	return nil
}

// ready compiles a model, holds its classes against the configuration, and lets it judge the golden set.
func (b *runner) ready(env graph.Env, g *graph.Graph) (*line.Loaded, error) {
	if err := b.checkClasses(g); err != nil {
		return nil, err
	}
	p, err := newPredictor(env, g, 0)
	if err != nil {
		return nil, err
	}
	if d, ok := p.(*detect.Predictor); ok { // is to report every box that can matter
		d.Choice.Score = float32(b.line.Rules.LeastScore(float64(d.Own)))
	}
	loaded := &line.Loaded{Model: p}
	golden, err := accept.Open(b.conf.Gate.Golden)
	if errors.Is(err, data.ErrUnusable) {
		b.show.say("drift is not watched: %v", err)
		return loaded, nil
	}
	if err != nil {
		return nil, err
	}
	if loaded.Reference, err = line.OnGolden(b.c.Context(), p, golden); err != nil {
		return nil, err
	}
	switch r := loaded.Reference; {
	case r == nil:
		b.show.say("drift is not watched: the golden set has %d pictures, too few", len(golden.Samples))
	case detect.Is(g) && !r.Has(""):
		b.show.say("drift is watched on parts with boxes alone: in each picture of the golden set the model finds some")
	}
	return loaded, nil
}

// openSource opens the camera, and the trigger.
func (b *runner) openSource() error {
	if err := b.openTrigger(); err != nil {
		return err
	}
	spec, err := cameraSpec(b.flags.camera, b.conf.Camera)
	if err != nil {
		return usageError{err}
	}
	src, err := camera.Open(b.c.Context(), spec, func(err error) {
		b.line.Mending()
		b.event(line.Event{Event: "camera", Reason: err.Error() + "; trying again"})
	})
	if errors.Is(err, camera.ErrSpec) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	b.closers = append(b.closers, src.Close)
	b.line.Source = src
	b.beside = append(b.beside, b.tick, func(ctx context.Context) { b.line.Supervise(ctx, b.signals.beat) })
	return nil
}

// patience is how long a part waits for its picture: as long as a verdict on it is of use.
func (b *runner) patience() time.Duration {
	return max(time.Duration(b.conf.Run.Latency), time.Duration(b.conf.Reject.Delay))
}

func (b *runner) tick(ctx context.Context) {
	for clock.Sleep(ctx, tickEvery) == nil {
		b.line.Tick()
	}
}

// openTrigger is where parts are announced.
func (b *runner) openTrigger() error {
	t := b.conf.Trigger
	switch t.Source {
	case "timer":
		b.line.Edges = &line.Timer{Every: time.Duration(t.Every), Now: clock.Now, Sleep: clock.Sleep}
	case "gpio":
		p, err := findLine(t.Line)
		if err != nil {
			return err
		}
		p.Debounce = time.Duration(t.Debounce)
		pull := map[string]periph.Pull{"as-is": periph.PullNoChange, "pull-up": periph.PullUp, "pull-down": periph.PullDown, "disabled": periph.Float}[t.Bias]
		if err := p.In(pull, edgeNames[t.Edge]); err != nil {
			return err
		}
		b.closers = append(b.closers, p.Halt)
		b.line.Edges = p
	}
	return nil
}

// openPins opens the outputs, all off.
func (b *runner) openPins() error {
	s := b.conf.Signals
	for ref, to := range map[string]*periph.PinOut{s.Lamp: &b.signals.lamp, s.Buzzer: &b.signals.buzzer, s.Heartbeat: &b.signals.heart} {
		if ref == "" {
			continue
		}
		p, err := b.output(ref, false)
		if err != nil {
			return err
		}
		*to = p
	}
	b.beside = append(b.beside, b.signals.run)
	r := b.conf.Reject
	if r.Line == "" {
		return nil
	}
	p, err := b.output(r.Line, r.Active == "low")
	if err != nil {
		return err
	}
	o := gpio.RejectOptions{Delay: time.Duration(r.Delay), Pulse: time.Duration(r.Pulse), LongestOn: time.Duration(r.Longest), Parts: r.InFlight, PassLate: r.Late == "pass"}
	if r.Encoder != "" {
		o.Delay, o.Counts = 0, int64(r.Counts)
	}
	if b.rejector, err = gpio.NewRejector(p, o, b.rejectAlarm); err != nil {
		return usageError{err}
	}
	b.beside = append(b.beside, func(ctx context.Context) {
		if err := b.rejector.Run(ctx); err != nil {
			b.event(line.Event{Event: "alarm", Alarm: "reject", Reason: err.Error()})
		}
	})
	return b.openEncoder(r.Encoder)
}

// beltLimit is how long parts may take that an encoder brings to the reject point, once the line has stopped judging.
const beltLimit = 10 * time.Second

// drain lets the parts between camera and reject point come there: they are judged, and the bad ones must not pass because
// the program ends.
func (b *runner) drain() {
	if b.rejector == nil {
		return
	}
	r := b.conf.Reject
	limit := time.Duration(r.Delay + r.Longest)
	if r.Encoder != "" {
		limit = beltLimit
	}
	if left := b.rejector.Drain(limit + time.Second); left > 0 {
		b.event(line.Event{Event: "alarm", Alarm: "reject", Reason: fmt.Sprintf("%d parts had not come to the reject point when the program ended", left)})
	}
}

// rejectAlarm tells of what the events of parts do not.
func (b *runner) rejectAlarm(err error) {
	if !errors.Is(err, gpio.ErrLate) {
		b.event(line.Event{Event: "alarm", Alarm: "reject", Reason: err.Error()})
	}
}

// output is a line that is driven, off now.
func (b *runner) output(ref string, low bool) (*gpio.Pin, error) {
	p, err := findLine(ref)
	if err != nil {
		return nil, err
	}
	p.ActiveLow = low
	if err := p.Out(periph.Low); err != nil {
		return nil, err
	}
	b.closers = append(b.closers, func() error { return errors.Join(p.Out(periph.Low), p.Halt()) })
	return p, nil
}

// openEncoder counts the encoder's edges for the reject output.
func (b *runner) openEncoder(ref string) error {
	if ref == "" {
		return nil
	}
	p, err := findLine(ref)
	if err != nil {
		return err
	}
	if err := p.In(periph.PullNoChange, periph.RisingEdge); err != nil {
		return err
	}
	b.closers = append(b.closers, p.Halt)
	b.beside = append(b.beside, func(ctx context.Context) {
		for {
			e, err := p.Next(ctx)
			if err != nil {
				if ctx.Err() == nil {
					b.event(line.Event{Event: "alarm", Alarm: "encoder", Reason: err.Error()})
				}
				return
			}
			b.rejector.Encoder(int64(e.Number))
		}
	})
	return nil
}
