package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/secateur/secateur/device/gpio"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/secateur/secateur/tools/secateur/line"
	"github.com/secateur/secateur/tools/secateur/loopback"
	"github.com/spf13/cobra"
)

// runFlags are what `run` is asked for, beside the configuration.
type runFlags struct {
	config, camera, model, log string
	frames                     uint64
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Judge the parts on the line: camera, model, reject output, events",
		Long: `Judge parts until SIGTERM, or until the camera ends. Camera, trigger, reject output, signals, models, MQTT, metrics and
the pictures that are kept are set in the configuration; without one, every frame of --camera is a part, nothing is
driven and nothing kept. The live model of the box is verified, watched and changed between frames; one on trial is
confirmed after enough parts, and rolled back by itself when it breaks or its reject rate leaves its band.

Events are lines of JSON: start, part (each with its decision), lost, alarm, model, camera, done. parts = judged +
late + lost.`,
		Example: "  secateur run\n  secateur run --camera pictures/ --model demo --frames 20 --json",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	c.Flags().StringVar(&f.config, "config", firmwareconfig.Path, "the box's configuration")
	c.Flags().StringVar(&f.camera, "camera", "", "a camera as `secateur camera --help` has it, in place of the configuration's")
	c.Flags().StringVar(&f.model, "model", "", "a model file in place of the box's live model; demo is the embedded one")
	c.Flags().StringVar(&f.log, "log", "", "a file that events are appended to; it is kept below 64 MiB")
	c.Flags().Uint64Var(&f.frames, "frames", 0, "end after so many parts; 0: never")
	return c
}

// logBytes bounds the file of events.
const logBytes = 64 << 20

// load reads the configuration. Without --config one that is not there is the default, for a camera that is given.
func (f runFlags) load(c *cobra.Command) (*firmwareconfig.Config, error) {
	conf, err := firmwareconfig.Load(f.config)
	if errors.Is(err, fs.ErrNotExist) && !c.Flags().Changed("config") {
		if f.camera == "" {
			return nil, usagef("%s is not there, and --camera is missing: what is to be judged?", f.config)
		}
		bare := firmwareconfig.Default()
		bare.Metrics.Listen, bare.Retention.Dir, bare.Camera.Lock = "", "", false
		return &bare, nil
	}
	if err != nil {
		return nil, usageError{err}
	}
	return conf, nil
}

func (f runFlags) run(c *cobra.Command) error {
	conf, err := f.load(c)
	if err != nil {
		return err
	}
	b := &runner{c: c, conf: conf, flags: f, show: newShow(c)}
	defer b.close()
	if err := b.open(); err != nil {
		return err
	}
	return b.judge()
}

// runner is a line with all that stands around it.
type runner struct {
	c     *cobra.Command
	conf  *firmwareconfig.Config
	flags runFlags
	show  *show

	log      *line.Log
	line     *line.Line
	broker   *line.Broker
	signals  *signals
	rejector *gpio.Rejector
	beside   []func(context.Context) // run while the line does
	outputs  []func(context.Context) // and until its last event is told
	closers  []func() error
}

func (b *runner) close() {
	for i := len(b.closers) - 1; i >= 0; i-- {
		if err := b.closers[i](); err != nil {
			b.show.say("%v", err)
		}
	}
}

// open makes everything ready, the model last: a start of a model on trial is counted, and a camera that is missing
// must not speak against it.
func (b *runner) open() error {
	for _, step := range []func() error{b.openEvents, b.openPins, b.newLine, b.openKeeper, b.openMetrics, b.openSource, b.openModels} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// event hands an event on, and sounds the buzzer at an alarm that begins.
func (b *runner) event(e line.Event) {
	b.log.Event(e)
	if e.Event == "alarm" && (e.On == nil || *e.On) {
		b.signals.alarm()
	}
}

func (b *runner) openEvents() error {
	b.signals = &signals{wake: make(chan struct{}, 1)}
	b.log = &line.Log{Box: b.conf.Box.Name, Failed: func(err error) { b.show.say("%v", err) }}
	if isJSON(b.c) {
		b.log.Sinks = append(b.log.Sinks, b.c.OutOrStdout())
	} else {
		b.log.Sinks = append(b.log.Sinks, plainEvents{b.c.OutOrStdout()})
	}
	if b.flags.log != "" {
		file, err := line.OpenFile(b.flags.log, logBytes)
		if err != nil {
			return fmt.Errorf("--log: %w", err)
		}
		b.log.Sinks = append(b.log.Sinks, file)
		b.closers = append(b.closers, file.Close)
	}
	m := b.conf.MQTT
	if m.Broker == "" {
		return nil
	}
	var err error
	b.broker, err = line.NewBroker(line.BrokerOptions{URL: m.Broker, ClientID: "secateur-" + b.conf.Box.Name, Topic: line.Topic(m.Topic, b.conf.Box.Name),
		User: m.User, Password: m.Password, CA: m.CA, QoS: m.QoS, Buffer: m.Buffer, Alive: time.Duration(m.Alive), Retry: time.Second})
	if err != nil {
		return usageError{err}
	}
	b.log.Sinks = append(b.log.Sinks, b.broker)
	b.outputs = append(b.outputs, func(ctx context.Context) {
		if err := b.broker.Run(ctx); err != nil {
			b.show.say("%v", err)
		}
	})
	return nil
}

func (b *runner) openKeeper() error {
	r := b.conf.Retention
	if r.Dir == "" || r.Budget == 0 {
		return nil
	}
	ring, err := line.OpenRing(line.RingOptions{Dir: filepath.Clean(r.Dir), Budget: int64(r.Budget), PerDay: int64(r.PerDay), Reserve: int64(r.Reserve), Age: time.Duration(r.Age)})
	if err != nil {
		return err
	}
	k := line.NewKeeper(ring, func(err error) { b.event(line.Event{Event: "alarm", Alarm: "pictures", Reason: err.Error()}) })
	k.Rejects, k.Doubtful, k.PassOne = r.Rejects, r.Doubtful, r.PassOne
	b.line.Keep = k
	b.beside = append(b.beside, k.Run)
	return nil
}

func (b *runner) openMetrics() error {
	if b.conf.Metrics.Listen == "" {
		return nil
	}
	l, err := loopback.Listen(b.conf.Metrics.Listen)
	if errors.Is(err, loopback.ErrAddress) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	b.outputs = append(b.outputs, func(ctx context.Context) {
		if err := loopback.Serve(ctx, l, line.MetricsPage(b.metrics)); err != nil {
			b.show.say("metrics: %v", err)
		}
	})
	return nil
}

func (b *runner) metrics() []line.Metric {
	index, on := b.line.Drift.Value()
	return line.Metrics(b.summary(), index, on, b.line.Models.Current())
}

func (b *runner) summary() line.Summary {
	return line.Summary{Stats: b.line.Stats(), Kept: b.line.Keep.Kept(), MQTT: b.broker.Sent(), Swap: b.line.Models.Swaps()}
}

// judge runs the line and tells of its end. An end by a signal is the one that was asked for. What writes pictures and
// watches models ends before the summary is made, what sends events after it.
func (b *runner) judge() error {
	stopOutputs := b.together(b.outputs)
	stopBeside := b.together(b.beside)
	b.event(line.Event{Event: "start", Model: b.line.Models.Current()})
	err := b.line.Run(b.c.Context())
	b.drain()
	stopBeside()
	s := b.summary()
	b.event(line.Event{Event: "done", Summary: &s})
	stopOutputs()
	return err
}

// together starts functions; stop ends them and waits.
func (b *runner) together(all []func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.c.Context()))
	var wg sync.WaitGroup
	for _, f := range all {
		wg.Go(func() { f(ctx) })
	}
	return func() { cancel(); wg.Wait() }
}

// plainEvents writes events for people: those that somebody should look at.
type plainEvents struct{ w io.Writer }

func (p plainEvents) Write(b []byte) (int, error) {
	var e line.Event
	if err := json.Unmarshal(b, &e); err != nil {
		return 0, err
	}
	var text string
	switch {
	case e.Event == "part" && (e.Decision == "reject" || e.Doubtful || e.Outcome == "late"):
		text = fmt.Sprintf("part %d: %s, %.1f %%, margin %.2f: %s, %s, %.1f ms", e.Part, e.Class, 100*e.Score, e.Margin, e.Decision, e.Outcome, e.LatencyMS)
	case e.Event == "lost":
		text = fmt.Sprintf("lost %d parts from %d on: %s; %s", e.Parts, e.Part, e.Reason, e.Decision)
	case e.Event == "alarm" && e.On != nil && !*e.On:
		text = fmt.Sprintf("alarm %s ends: %s", e.Alarm, e.Reason)
	case e.Event == "alarm":
		text = fmt.Sprintf("alarm %s: %s", e.Alarm, e.Reason)
	case e.Event == "model":
		text = strings.TrimSuffix(fmt.Sprintf("model %d %s: %s", e.Model, e.What, e.Reason), ": ")
	case e.Event == "camera":
		text = "camera: " + e.Reason
	case e.Event == "done":
		s := e.Summary
		text = fmt.Sprintf("%d parts: %d judged, %d late, %d lost; %d rejected, %d doubtful; latency %.1f ms, p99 %.1f ms; %d pictures kept",
			s.Parts, s.Judged, s.Late, s.Lost, s.Rejected, s.Doubtful, s.P50, s.P99, s.Kept.Written)
	default:
		return len(b), nil
	}
	_, err := fmt.Fprintln(p.w, text)
	return len(b), err
}
