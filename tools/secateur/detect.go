package main

import (
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/train"
	"github.com/spf13/pflag"
)

// detectFlags is what `secateur adapt` was asked for of a detector.
type detectFlags struct {
	on, letterbox bool
	input         int
	strides       []int
}

func (d *detectFlags) add(fl *pflag.FlagSet) {
	fl.BoolVar(&d.on, "detect", false, "make a detector of the classifier: DIR has boxes (boxes.csv, Pascal VOC, COCO, YOLO)")
	fl.IntVar(&d.input, "input", 0, "with --detect, side in pixels of the pictures that the detector reads; 0 is 320, and a detector's own where the model is one")
	fl.BoolVar(&d.letterbox, "letterbox", false, "with --detect, pictures keep their proportions, with grey around them; kept with the model")
	fl.IntSliceVar(&d.strides, "strides", detect.DefaultHead(0).Strides, "with --detect, pixels a place on each level of the head, each twice the one before")
}

// defaults puts the recipe for a detector where no flag says otherwise.
func (d *detectFlags) defaults(fl *pflag.FlagSet, c *train.Config) {
	if !d.on {
		return
	}
	usual := train.DetectDefaults()
	for name, set := range map[string]func(){
		"batch": func() { c.Batch = usual.Batch }, "adamw": func() { c.Adam = usual.Adam }, "lr": func() { c.Rate = usual.Rate },
		"weight-decay": func() { c.Decay = usual.Decay }, "label-smoothing": func() { c.Smoothing = usual.Smoothing },
		"backbone-lr": func() { c.Backbone = usual.Backbone }, "warm-up": func() { c.Warm = usual.Warm },
		"crop": func() { c.Augment.MinArea = usual.Augment.MinArea }, "flip": func() { c.Augment.Flip = usual.Augment.Flip },
		"contrast": func() { c.Augment.Contrast = usual.Augment.Contrast }, "brightness": func() { c.Augment.Brightness = usual.Augment.Brightness },
		"shrink": func() { c.Augment.Shrink = usual.Augment.Shrink }, "mosaic": func() { c.Augment.Mosaic = usual.Augment.Mosaic },
	} {
		if !fl.Changed(name) {
			set()
		}
	}
}

// check turns the flags into a head.
func (d *detectFlags) check(c *train.Config) error {
	if !d.on {
		return nil
	}
	if d.input != 0 && (d.input < 32 || d.input > 2048) {
		return usagef("--input wants 32 to 2048 pixels, not %d", d.input)
	}
	if err := checkStrides(d.strides); err != nil {
		return err
	}
	switch {
	case c.Smoothing > 0 || c.BSS > 0:
		return usagef("--label-smoothing and --bss are for classifiers, not for --detect")
	}
	head := detect.DefaultHead(c.Seed)
	head.Strides = d.strides
	c.Detect = &train.Detect{Input: d.input, Letterbox: d.letterbox, Head: head}
	return nil
}

// checkModel wants a detector to be asked for as one.
func (d *detectFlags) checkModel(g *graph.Graph, c *train.Config) error {
	switch {
	case detect.Is(g) && !d.on:
		return usagef("the model is a detector: adapt it with --detect")
	case !detect.Is(g) && d.on && d.input == 0:
		c.Detect.Input = train.DetectInput
	}
	return nil
}

func checkStrides(s []int) error {
	if len(s) < 1 || len(s) > 3 || s[0] < 2 || s[0] > 64 || s[0]&(s[0]-1) != 0 {
		return usagef("--strides wants one to three powers of two from 2 to 64, not %v", s)
	}
	for i := range s[1:] {
		if s[i+1] != 2*s[i] {
			return usagef("--strides wants each to be twice the one before, not %v", s)
		}
	}
	return nil
}
