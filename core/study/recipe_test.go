package study

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/pruning"
)

const smallStudy = "selectors = ['l1']\n[[model]]\nname = 'm'\nfile = 'm.onnx'\n[[data]]\nname = 'd'\ndir = 'd'\n"

func loadText(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "study.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

// TestRecipe: what the file says comes into the training, and what it leaves out is as usual.
func TestRecipe(t *testing.T) {
	c, err := loadText(t, smallStudy+"[recipe]\nlabel_smoothing = 0.0\nmixup = 0.2\nema = 0.9\nlayer_decay = 0.8\nl2_sp = 0.01\nbss = 0.001\ndistill = 0.5\nflip_up = 0.5\ntranspose = 0.4\n")
	if err != nil {
		t.Fatal(err)
	}
	got, want := train.Defaults(), train.Defaults()
	for _, x := range []*train.Config{&got, &want} {
		x.Prune = train.DefaultPrune("l1", pruning.Budget{})
	}
	c.Recipe.apply(&got)
	want.Smoothing, want.Augment.Mixup, want.Average, want.LayerDecay, want.L2SP, want.BSS, want.Prune.Distill = 0, 0.2, 0.9, 0.8, 0.01, 0.001, 0.5
	want.Augment.FlipUp, want.Augment.Transpose = 0.5, 0.4
	if got.Smoothing != want.Smoothing || got.Augment != want.Augment || got.Average != want.Average || got.LayerDecay != want.LayerDecay ||
		got.L2SP != want.L2SP || got.BSS != want.BSS || *got.Prune != *want.Prune {
		t.Errorf("configuration %+v, want %+v", got, want)
	}
	usual := train.Defaults()
	Recipe{}.apply(&usual)
	if d := cmp.Diff(train.Defaults().Augment, usual.Augment); d != "" || usual.Smoothing != train.Defaults().Smoothing {
		t.Errorf("an empty recipe changes the usual: %s", d)
	}
	for _, bad := range []string{"ema = 1.0", "distill = 2.0", "mixup = -1.0", "transpose = 1.5", "l2sp = 1.0"} {
		if _, err := loadText(t, smallStudy+"[recipe]\n"+bad+"\n"); err == nil || !strings.Contains(err.Error(), "recipe") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}
