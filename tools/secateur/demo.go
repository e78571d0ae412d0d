package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/zoo"
	"github.com/secateur/secateur/core/zoo/line"
	"github.com/secateur/secateur/device/durable"
	"github.com/spf13/cobra"
)

// The demo's line: few images to learn from, enough to judge by. The embedded network is small and far
// from fitting them after the usual recipe, so it gets more epochs and AdamW.
const (
	demoShots  = 10
	demoTest   = 50
	demoEpochs = 100
	demoRate   = 3e-3
	demoWarm   = 40

	// AdamW at the full rate undoes the fit of sixty pictures: turns are taken back, and at the end it costs points.
	demoTurns     = 10
	demoUpdates   = 30
	demoTurnRate  = 0.1
	demoFinal     = 40
	demoFinalRate = 1
)

func demoCommand() *cobra.Command {
	var out string
	var seed uint64
	c := &cobra.Command{
		Use:   "demo",
		Short: "The whole job on the embedded model and a synthetic line, in about a minute",
		Long: `Take the embedded network, pretrained on a synthetic source line, to a new line whose product, texture
and defects differ: fine-tune on 10 images a class, prune to half of the multiply-adds while doing so, and write the
model, an ONNX file and a report.`,
		Example: "  secateur demo --out demo && xdg-open demo/report.html",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return runDemo(c, out, seed) },
	}
	c.Flags().StringVar(&out, "out", "secateur-demo", "folder for images, model, ONNX file and report")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of the images and of every random choice")
	return c
}

func runDemo(c *cobra.Command, out string, seed uint64) error {
	began := time.Now()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	s := newShow(c)
	images := filepath.Join(out, fmt.Sprintf("line-%d", seed))
	if err := takePictures(s, images, seed); err != nil {
		return err
	}
	pretrained := filepath.Join(out, "pretrained.secateur")
	if err := durable.Write(pretrained, zoo.File()); err != nil {
		return err
	}
	f := newAdaptFlags()
	f.model, f.data, f.out, f.report = pretrained, images, filepath.Join(out, "adapted.secateur"), filepath.Join(out, "report.html")
	f.prune, f.loop.Tolerance = "fisher", demoTolerance
	f.loop.Turns, f.loop.TurnUpdates, f.loop.TurnRate = demoTurns, demoUpdates, demoTurnRate
	f.loop.FinalEpochs, f.loop.FinalRate = demoFinal, demoFinalRate
	f.RunDir = filepath.Join(out, "run")
	if err := os.RemoveAll(f.RunDir); err != nil { // of an earlier demo
		return err
	}
	f.Seed, f.Adam, f.Rate, f.Epochs, f.Warm = seed, true, demoRate, demoEpochs, demoWarm
	if err := f.run(c); err != nil {
		return err
	}
	g, err := checkpoint.LoadModel(f.out)
	if err != nil {
		return err
	}
	file := filepath.Join(out, "adapted.onnx")
	if err := onnx.Export(g, file); err != nil {
		return err
	}
	s.say("%s, %s and %s written in %s", f.out, file, f.report, time.Since(began).Round(time.Second))
	if !isJSON(c) {
		_, err = fmt.Fprintf(c.OutOrStdout(), "look at %s\nto see why each filter went: secateur explain --run %s -o %s\n", f.report, f.RunDir,
			filepath.Join(out, "explanation.html"))
	}
	return err
}

// takePictures fills the folder of a seed; one that is there from an earlier demo serves again.
func takePictures(s *show, dir string, seed uint64) error {
	if _, err := os.Stat(filepath.Join(dir, "test")); err == nil {
		s.say("using the pictures in %s", dir)
		return nil
	}
	s.say("taking %d pictures of a line that makes control-unit housings", (demoShots+demoTest)*len(line.Target().Classes()))
	return line.Target().Write(dir, map[string]int{"train": demoShots, "test": demoTest}, seed)
}

// demoTolerance is by how much a turn of the demo may lower the harmonic mean of class accuracies: its sixty
// training pictures say little, and the last fine-tuning wins most of it back.
const demoTolerance = 0.2
