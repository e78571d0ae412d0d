// Command zoo pretrains the embedded model: pictures of the source line by a fixed seed, the
// compact network from He-normal weights, batch norm trained, AdamW with a cosine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/core/zoo"
	"github.com/secateur/secateur/core/zoo/line"
	"github.com/secateur/secateur/kernels"
)

// The recipe; changing it changes the model, so it is written down in core/zoo/README.md.
const (
	seed      = 20261122
	perClass  = 320 // training pictures of each of the source line's classes
	testClass = 40
	epochs    = 14
	batch     = 32
	rate      = 0.004
)

func main() {
	out := flag.String("o", "core/zoo/model.secateur", "where the model goes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "zoo: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	dir, err := os.MkdirTemp("", "source-line-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := line.Source().Write(dir, map[string]int{"train": perClass, "test": testClass}, seed); err != nil {
		return err
	}
	splits, err := data.Open(dir, data.Options{Seed: seed})
	if err != nil {
		return err
	}
	set, err := kernels.Default()
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := train.Adapt(ctx, recipe(splits, graph.Env{Kernels: set, Pool: kernels.NewPool(0)}))
	if err != nil {
		return err
	}
	fmt.Printf("%.1f %% of %d test pictures right after %s (%s kernels)\n", 100*r.Dense.Accuracy, r.Dense.Images, time.Since(began).Round(time.Second), set.Name)
	return checkpoint.SaveModel(out, r.Model)
}

func recipe(splits *data.Splits, env graph.Env) train.Config {
	c := train.Defaults()
	c.Model, c.Data, c.Env, c.Seed = zoo.Compact(splits.Classes, seed), splits, env, seed
	c.HeadSteps, c.Epochs, c.Batch, c.Rate, c.Warm = 0, epochs, batch, rate, 200
	c.Adam, c.Decay, c.Smoothing, c.Patience, c.TrainNorm = true, 0.02, 0.05, 0, true
	c.Augment = data.Augment{MinArea: 0.8, Flip: 0.5, FlipUp: 0.5, Contrast: 0.2, Brightness: 0.2}
	c.On = func(e train.Event) {
		fmt.Printf("%s %d/%d loss %.3f, %.1f %% right, %.0f images/s %s\n", e.Event, e.Epoch, e.Epochs, e.Loss, 100*e.Accuracy, e.PerSec, e.Message)
	}
	return c
}
