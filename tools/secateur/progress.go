package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/thermal"
	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// show is progress for people: a bar on a terminal, a line now and then elsewhere, nothing with
// --quiet. It writes to standard error.
type show struct {
	w     io.Writer
	tty   bool
	bars  *mpb.Progress
	bar   *mpb.Bar
	phase string
	last  time.Time
	rate  float64
}

func newShow(c *cobra.Command) *show {
	if quiet, _ := c.Flags().GetBool("quiet"); quiet {
		return &show{w: io.Discard}
	}
	s := &show{w: c.ErrOrStderr()}
	if f, ok := s.w.(*os.File); ok {
		s.tty = term.IsTerminal(int(f.Fd()))
	}
	return s
}

// lineEvery is the pause between lines where there is no terminal.
const lineEvery = 10 * time.Second

// progress is train.Config.Progress.
func (s *show) progress(p eval.Progress) {
	s.rate = p.PerSec
	if !s.tty {
		if time.Since(s.last) > lineEvery {
			s.last = time.Now()
			fmt.Fprintf(s.w, "%s: %d of %d %s%s%s\n", p.Phase, p.Done, p.Total, cmp.Or(p.Unit, "images"), pace(", ", p.PerSec), warmth())
		}
		return
	}
	if s.bar == nil || s.bar.Completed() || p.Total == 0 {
		s.open(p)
	}
	s.phase = p.Phase
	s.bar.SetTotal(int64(p.Total), false)
	s.bar.SetCurrent(int64(p.Done))
}

func (s *show) open(p eval.Progress) {
	s.done()
	s.bars = mpb.New(mpb.WithOutput(s.w), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
	s.bar = s.bars.AddBar(int64(p.Total), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return s.phase + " " })),
		mpb.AppendDecorators(decor.Percentage(), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO),
			decor.Any(func(decor.Statistics) string { return pace("  ", s.rate) + warmth() })))
}

// pace is images a second behind a separator, nothing where it is not known.
func pace(sep string, perSec float64) string {
	if perSec <= 0 {
		return ""
	}
	return fmt.Sprintf("%s%.1f images/s", sep, perSec)
}

// warmth is the temperature, where the box tells.
func warmth() string {
	if c := thermal.Celsius("/"); c > 0 {
		return fmt.Sprintf(", %.0f °C", c)
	}
	return ""
}

// say writes a line beside the bar.
func (s *show) say(format string, args ...any) {
	s.done()
	fmt.Fprintf(s.w, format+"\n", args...)
}

// skipped names the first of the files that were left out.
func (s *show) skipped(files []data.Skip) {
	const most = 10
	for _, x := range files[:min(most, len(files))] {
		s.say("skipped %v", x)
	}
	if n := len(files) - most; n > 0 {
		s.say("… and %d more files skipped", n)
	}
}

// pixels is a caution about a model that says nothing of its pixels.
func (s *show) pixels(g *graph.Graph) {
	if !g.SaysPixels() {
		s.say("caution: the model does not say what its pixels are, so they go in as 0 to 255; if it was trained on others, import it with --mean and --std")
	}
}

// done takes the bar away.
func (s *show) done() {
	if s.bar != nil {
		s.bar.Abort(true)
		s.bars.Wait()
		s.bar = nil
	}
}

// event says what happened in a line.
func (s *show) event(e train.Event) {
	switch e.Event {
	case "start", "warning", "regime", "cache", "imitation":
		s.say("%s", e.Message)
	case "head":
		s.say("head: %d steps on %d KiB of features, loss %.3f, %.1f %% of the training images right", e.Epoch, e.CacheBytes>>10, e.Loss, 100*e.Accuracy)
	case "epoch":
		line := fmt.Sprintf("%s %d/%d: loss %.3f", e.Phase, e.Epoch, e.Epochs, e.Loss)
		if !e.Detector {
			line += ", " + accuracy(e, e.Accuracy)
		}
		if e.ValLoss > 0 {
			line += fmt.Sprintf("; validation loss %.3f, %s", e.ValLoss, accuracy(e, e.ValAcc))
		}
		if e.Phase != "turn" {
			s.say("%s (%.1f images/s%s)", line, e.PerSec, warmth())
		}
	case "turn":
		if e.Turn == 0 {
			s.say("pruning from %s MACs, %s parameters, %s", count(e.MACs), count(int64(e.Params)), accuracy(e, e.ValAcc))
			return
		}
		verdict := "kept"
		if e.Reason != "" {
			verdict += ", " + e.Reason
		}
		if e.Accepted != nil && !*e.Accepted {
			verdict = e.Reason
		}
		s.say("turn %d: %d filters out, %s MACs, %s parameters, %s: %s", e.Turn, e.Removed, count(e.MACs), count(int64(e.Params)), accuracy(e, e.ValAcc), verdict)
	}
}

// accuracy is what an event says of how good the network is.
func accuracy(e train.Event, share float64) string {
	if e.Detector {
		return fmt.Sprintf("AP@.5 %.3f", share)
	}
	return fmt.Sprintf("%.1f %% right", 100*share)
}
