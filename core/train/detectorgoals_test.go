package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/pruning"
)

// TestDetectorGoals trains MobileNet v2 with a detection head on real data, prunes it to half of its multiply-adds, and holds
// both against the goals (make campaign-detect; an hour or two).
func TestDetectorGoals(t *testing.T) {
	if os.Getenv("SECATEUR_DETECT_CAMPAIGN") == "" {
		t.Skip("SECATEUR_DETECT_CAMPAIGN is not set: make campaign-detect")
	}
	for _, c := range []struct {
		name, set           string
		input, shots        int // images a class, 0: all
		head, epochs        int
		turns, steps, final int  // of pruning; steps 0: one epoch a turn
		still               bool // no mosaic, no shrinking, and pictures upside down, as surfaces want it
		ap50                float64
	}{
		{"screws", "screws", 320, 0, 40, 20, 6, 0, 15, false, 0.97},
		{"neu-det, a tenth", "neu-det", 224, 24, 36, 120, 6, 0, 20, true, 0.55},
		{"neu-det", "neu-det", 224, 0, 90, 40, 5, 90, 14, true, 0.70},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := goalConfig(t, c.set, c.input, c.shots)
			d.HeadSteps, d.Epochs, d.Prune = c.head, c.epochs, DefaultPrune("fusion", pruning.Budget{Of: "macs", Share: 0.5})
			d.Prune.Turns, d.Prune.TurnUpdates, d.Prune.FinalEpochs = c.turns, c.steps, c.final
			if c.still {
				d.Augment.Mosaic, d.Augment.Shrink, d.Augment.FlipUp = 0, 0, 0.5
			}
			began := time.Now()
			r, err := Adapt(context.Background(), d)
			if err != nil && !errors.Is(err, ErrTarget) {
				t.Fatal(err)
			}
			t.Logf("dense: AP@.5 %.3f, AP %.3f, %.1f ms; pruned: %.3f, %.3f, %.1f ms, %.2f of the MACs; %v, %v",
				r.Dense.Map50, r.Dense.Map, r.Dense.Latency.P50, r.Pruned.Map50, r.Pruned.Map, r.Pruned.Latency.P50,
				float64(r.Pruned.MACs)/float64(r.Dense.MACs), time.Since(began).Round(time.Second), err)
			if r.Dense.Map50 < c.ap50 {
				t.Errorf("AP@.5 %.3f, want %.2f", r.Dense.Map50, c.ap50)
			}
			if r.Pruned.Map50 < r.Dense.Map50-0.01 {
				t.Errorf("AP@.5 %.3f at half of the MACs, %.3f before", r.Pruned.Map50, r.Dense.Map50)
			}
		})
	}
}

// goalConfig is the usual recipe for a data set with boxes.
func goalConfig(t *testing.T, set string, input, shots int) Config {
	t.Helper()
	grey := [3]float32{128, 128, 128} // the model reads (x-128)/128
	g, err := onnx.Import(filepath.Join(toy.SharedData(t, "model-mobilenet-v2-10"), "mobilenet_v2_1.0_224.onnx"), onnx.Options{Mean: &grey, Std: &grey})
	if err != nil {
		t.Fatal(err)
	}
	c := DetectDefaults()
	if c.Data, err = data.OpenBoxes(toy.SharedData(t, set), data.Options{HeaderOnly: true, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	if shots > 0 {
		c.Data.Train = data.Shots(c.Data.Train, len(c.Data.Classes), shots, 1)
	}
	c.Model, c.Env, c.Patience = g, toy.Env(t), 0
	c.Detect = &Detect{Input: input, Head: detect.DefaultHead(c.Seed)}
	return c
}
