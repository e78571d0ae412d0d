package study

import (
	"fmt"

	"github.com/secateur/secateur/core/train"
)

// Recipe is the regularisers of a study's fine-tunings, dense and pruned alike; what is left out is as usual. The head is
// always trained first (LP-FT).
type Recipe struct {
	LabelSmoothing *float64 `toml:"label_smoothing"`
	Mixup          float64  `toml:"mixup"`       // alpha
	EMA            float64  `toml:"ema"`         // decay of the weights' moving average
	LayerDecay     float64  `toml:"layer_decay"` // factor on the learning rate from each layer to the one below
	L2SP           float64  `toml:"l2_sp"`       // alpha of the pull towards the pretrained weights
	BSS            float64  `toml:"bss"`         // eta of batch spectral shrinkage
	Distill        *float64 `toml:"distill"`     // share of the dense network's answers in the loss after cuts
	FlipUp         float64  `toml:"flip_up"`     // probability to swap top and bottom
	Transpose      float64  `toml:"transpose"`   // probability to swap rows and columns
}

// apply puts it into a configuration whose Prune, if any, is set.
func (r Recipe) apply(c *train.Config) {
	if r.LabelSmoothing != nil {
		c.Smoothing = *r.LabelSmoothing
	}
	c.Augment.Mixup, c.Average, c.LayerDecay, c.L2SP, c.BSS = r.Mixup, r.EMA, r.LayerDecay, r.L2SP, r.BSS
	c.Augment.FlipUp, c.Augment.Transpose = r.FlipUp, r.Transpose
	if c.Prune != nil && r.Distill != nil {
		c.Prune.Distill = *r.Distill
	}
}

// check refuses what no training could do.
func (r Recipe) check() error {
	for name, v := range map[string]*float64{"label_smoothing": r.LabelSmoothing, "ema": &r.EMA} {
		if v != nil && !(*v >= 0 && *v < 1) {
			return fmt.Errorf("recipe: %s is %g, want 0 to less than 1", name, *v)
		}
	}
	for name, v := range map[string]*float64{"layer_decay": &r.LayerDecay, "distill": r.Distill, "flip_up": &r.FlipUp, "transpose": &r.Transpose} {
		if v != nil && !(*v >= 0 && *v <= 1) {
			return fmt.Errorf("recipe: %s is %g, want 0 to 1", name, *v)
		}
	}
	for name, v := range map[string]float64{"mixup": r.Mixup, "l2_sp": r.L2SP, "bss": r.BSS} {
		if !(v >= 0 && v <= 1e6) {
			return fmt.Errorf("recipe: %s is %g, want 0 or more", name, v)
		}
	}
	return nil
}
