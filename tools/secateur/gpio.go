package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/secateur/secateur/device/board"
	"github.com/secateur/secateur/device/clock"
	"github.com/secateur/secateur/device/gpio"
	"github.com/spf13/cobra"
	periph "periph.io/x/conn/v3/gpio"
)

func gpioCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "gpio list|listen|pulse|bench",
		Short: "GPIO lines: list them, listen to edges, pulse an output, measure a loop-back wire",
		Long: "A LINE is NAME as GPIO17, LABEL:NAME or LABEL:OFFSET with the label of its chip, or pin11 for a pin of the header\n" +
			"of a board that is known.",
		Example: "  secateur gpio list\n  secateur gpio listen GPIO17 --debounce 5ms\n  secateur gpio pulse pin13 --for 50ms\n  secateur gpio bench GPIO27 GPIO17",
		Args:    knownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	list := &cobra.Command{Use: "list", Short: "Chips and their lines", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error { return listLines(c) }}
	var l listening
	listen := &cobra.Command{Use: "listen LINE", Short: "Print edges with the kernel's time, and those that were lost", Args: exactly(1, "a line"),
		RunE: func(c *cobra.Command, args []string) error { return l.run(c, args[0]) }}
	listen.Flags().DurationVar(&l.debounce, "debounce", 0, "edges nearer to each other are one")
	listen.Flags().StringVar(&l.edge, "edge", "both", "rising, falling or both")
	listen.Flags().StringVar(&l.pull, "pull", "", "up, down or none; empty: as it is")
	listen.Flags().IntVar(&l.count, "count", 0, "end after so many; 0: until ctrl-c")
	var width time.Duration
	pulse := &cobra.Command{Use: "pulse LINE", Short: "Set an output high for a time", Args: exactly(1, "a line"),
		RunE: func(c *cobra.Command, args []string) error { return pulseLine(c, args[0], width) }}
	pulse.Flags().DurationVar(&width, "for", 100*time.Millisecond, "how long")
	var edges int
	bench := &cobra.Command{Use: "bench OUT IN", Short: "Time edges over a wire from OUT to IN: proves the wiring, finds lost edges", Args: exactly(2, "an output and an input"),
		RunE: func(c *cobra.Command, args []string) error { return benchLines(c, args[0], args[1], edges) }}
	bench.Flags().IntVar(&edges, "count", 200, "edges to send")
	c.AddCommand(list, listen, pulse, bench)
	for _, sub := range c.Commands() {
		fromEnvironment(sub)
	}
	return c
}

func listLines(c *cobra.Command) error {
	chips, err := gpio.Chips("/")
	if err != nil {
		return err
	}
	if len(chips) == 0 {
		return fmt.Errorf("the kernel has no GPIO chip: %w", gpio.ErrMissing)
	}
	for _, chip := range chips {
		if isJSON(c) {
			if err := printJSON(c.OutOrStdout(), chip); err != nil {
				return err
			}
			continue
		}
		for _, l := range chip.Lines {
			use := "free"
			if l.Used {
				use = "used by " + strconv.Quote(l.User)
			}
			if _, err := fmt.Fprintf(c.OutOrStdout(), "%v\t%s line %d\t%s\n", l, chip.Path, l.Offset, use); err != nil {
				return err
			}
		}
	}
	return nil
}

// findLine is the pin that a command names.
func findLine(ref string) (*gpio.Pin, error) {
	chips, err := gpio.Chips("/")
	if err != nil {
		return nil, err
	}
	l, err := gpio.Resolve(chips, board.Compatible("/"), ref)
	if err != nil {
		return nil, err
	}
	return gpio.NewPin(l), nil
}

type listening struct {
	debounce   time.Duration
	edge, pull string
	count      int
}

var (
	edgeNames = map[string]periph.Edge{"rising": periph.RisingEdge, "falling": periph.FallingEdge, "both": periph.BothEdges}
	pullNames = map[string]periph.Pull{"": periph.PullNoChange, "up": periph.PullUp, "down": periph.PullDown, "none": periph.Float}
)

func (l listening) run(c *cobra.Command, ref string) error {
	edge, ok1 := edgeNames[l.edge]
	pull, ok2 := pullNames[l.pull]
	if !ok1 || !ok2 || l.count < 0 || l.debounce < 0 || l.debounce > time.Second {
		return usagef("--edge %q, --pull %q, --count %d, --debounce %v: want rising, falling or both; up, down or none; 0 or more; 0 to 1s", l.edge, l.pull, l.count, l.debounce)
	}
	p, err := findLine(ref)
	if err != nil {
		return err
	}
	p.Debounce = l.debounce
	if err := p.In(pull, edge); err != nil {
		return err
	}
	defer p.Halt()
	s := newShow(c)
	s.say("listening to %v", p)
	for n := 0; l.count == 0 || n < l.count; n++ {
		e, err := p.Next(c.Context())
		if err != nil {
			return err
		}
		if isJSON(c) {
			err = printJSON(c.OutOrStdout(), e)
		} else {
			_, err = fmt.Fprintf(c.OutOrStdout(), "%.6f s\tedge %d\t%s\t%d lost before it\n", e.Time.Seconds(), e.Number, direction(e), e.Lost)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func direction(e gpio.Edge) string {
	if e.Rising {
		return "rising"
	}
	return "falling"
}

func pulseLine(c *cobra.Command, ref string, d time.Duration) error {
	if d <= 0 || d > time.Minute {
		return usagef("--for %v: want above 0, at most 1m", d)
	}
	p, err := findLine(ref)
	if err != nil {
		return err
	}
	defer p.Halt()
	if err := gpio.Pulse(c.Context(), p, d); err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), map[string]any{"line": p.String(), "seconds": d.Seconds()})
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%v was high for %v\n", p, d)
	return err
}

// wired is what `gpio bench` finds, times in microseconds.
type wired struct {
	Out      string  `json:"out"`
	In       string  `json:"in"`
	Edges    int     `json:"edges"`
	Lost     int     `json:"lost"`
	StampP50 float64 `json:"stamp_us_p50"` // from before the output was set to the kernel's stamp
	StampP99 float64 `json:"stamp_us_p99"`
	WakeP50  float64 `json:"wake_us_p50"` // from the stamp to this program
	WakeP99  float64 `json:"wake_us_p99"`
}

func benchLines(c *cobra.Command, out, in string, n int) error {
	if n < 2 || n > 1e6 {
		return usagef("--count %d: want 2 to 1000000", n)
	}
	o, err := findLine(out)
	if err != nil {
		return err
	}
	i, err := findLine(in)
	if err != nil {
		return err
	}
	defer o.Halt()
	defer i.Halt()
	if err := errors.Join(o.Out(periph.Low), i.In(periph.PullNoChange, periph.BothEdges)); err != nil {
		return err
	}
	w, err := measureWire(c.Context(), o, i, n)
	if err != nil {
		return err
	}
	if isJSON(c) {
		err = printJSON(c.OutOrStdout(), w)
	} else {
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d edges from %s to %s, %d lost; set to stamp %.0f µs (p99 %.0f), stamp to program %.0f µs (p99 %.0f)\n",
			w.Edges, w.Out, w.In, w.Lost, w.StampP50, w.StampP99, w.WakeP50, w.WakeP99)
	}
	if err == nil && w.Lost > 0 {
		err = fmt.Errorf("%d of %d edges from %s did not arrive at %s: is there a wire, and is the pin a GPIO in the board's configuration?", w.Lost, n, w.Out, w.In)
	}
	return err
}

func measureWire(ctx context.Context, o, i *gpio.Pin, n int) (wired, error) {
	w := wired{Out: o.String(), In: i.String(), Edges: n}
	var stamp, wake []float64
	for k := range n {
		before := clock.Now()
		if err := o.Out(k%2 == 0); err != nil {
			return w, err
		}
		wait, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		e, err := i.Next(wait)
		cancel()
		if ctx.Err() != nil {
			return w, ctx.Err()
		}
		if err != nil || e.Time < before {
			w.Lost++
			continue
		}
		stamp = append(stamp, micros(e.Time-before))
		wake = append(wake, micros(clock.Now()-e.Time))
		time.Sleep(time.Millisecond)
	}
	w.StampP50, w.StampP99 = percentiles(stamp)
	w.WakeP50, w.WakeP99 = percentiles(wake)
	return w, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func percentiles(x []float64) (p50, p99 float64) {
	if len(x) == 0 {
		return 0, 0
	}
	slices.Sort(x)
	return x[len(x)/2], x[min(len(x)-1, len(x)*99/100)]
}
