package onnx

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/op"
)

// upsample is Upsample and Resize of opset 10: scales only, corners aligned at 0.
func upsample(c *call) error {
	scales, err := c.n.Floats("scales")
	if err == nil && scales == nil {
		scales, err = c.floatsIn(1)
	}
	if err != nil {
		return err
	}
	o := op.Resize{Coord: "asymmetric", Round: "floor"}
	if o.Mode, err = c.resizeMode(); err != nil {
		return err
	}
	if o.Scale, err = imageScale(scales, nil); err != nil {
		return err
	}
	return c.resized(o)
}

// resize is Resize: inputs x, roi, scales, sizes from opset 11.
func resize(c *call) error {
	if c.opset < 11 {
		return upsample(c)
	}
	o, err := c.resizeAttrs()
	if err != nil {
		return err
	}
	axes, err := c.n.Ints("axes")
	if err != nil {
		return err
	}
	scales, err := c.floatsIn(2)
	if err != nil {
		return err
	}
	sizes, err := c.intsIn(3)
	if err != nil {
		return err
	}
	switch {
	case len(sizes) > 0 && len(scales) > 0:
		return fmt.Errorf("both scales and sizes")
	case len(sizes) > 0:
		o.Size, err = imageSize(sizes, axes, c.in[0].shape)
	default:
		o.Scale, err = imageScale(scales, axes)
	}
	if err != nil {
		return err
	}
	return c.resized(o)
}

// resized settles the size by ONNX's rule, in float32: rounded down.
func (c *call) resized(o op.Resize) error {
	x, err := c.image()
	if err != nil {
		return err
	}
	for i, scale := range o.Scale {
		if scale > 0 {
			o.Size[i] = scaled(x.Shape[1+i], scale)
		}
	}
	return c.give(o, natural(4), x)
}

func (c *call) resizeMode() (string, error) {
	mode, err := c.n.Text("mode", "nearest")
	switch {
	case err != nil:
		return "", err
	case mode != "nearest" && mode != "linear":
		return "", fmt.Errorf("mode %q, want nearest or linear", mode)
	}
	return mode, nil
}

var (
	coords = []string{"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric", "tf_half_pixel_for_nn"}
	rounds = []string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}
)

// resizeAttrs reads how pixels are found and refuses what would change them in other ways.
func (c *call) resizeAttrs() (o op.Resize, err error) {
	if o.Mode, err = c.resizeMode(); err != nil {
		return o, err
	}
	text := []struct {
		attr, def string
		known     []string
		to        *string
	}{
		{"coordinate_transformation_mode", "half_pixel", coords, &o.Coord},
		{"nearest_mode", "round_prefer_floor", rounds, &o.Round},
		{"keep_aspect_ratio_policy", "stretch", []string{"stretch"}, new(string)},
	}
	for _, t := range text {
		if *t.to, err = c.n.Text(t.attr, t.def); err != nil {
			return o, err
		}
		if !slices.Contains(t.known, *t.to) {
			return o, fmt.Errorf("%s %q, want one of %v", t.attr, *t.to, t.known)
		}
	}
	antialias, err := c.flag("antialias", 0)
	if err == nil && antialias {
		err = fmt.Errorf("antialias is 1, want 0")
	}
	return o, err
}

// imageAxes are the positions in a list of scales or sizes that belong to N, C, H, W.
func imageAxes(n int, axes []int64) ([4]int, error) {
	at := [4]int{-1, -1, -1, -1}
	if axes == nil {
		axes = []int64{0, 1, 2, 3}
	}
	if _, err := axesOf(axes, 4); err != nil {
		return at, err
	}
	if n != len(axes) {
		return at, fmt.Errorf("%d scales or sizes, want %d", n, len(axes))
	}
	for i, v := range axes {
		a, _ := axis(v, 4)
		at[a] = i
	}
	return at, nil
}

// scaled is how many pixels scale makes of n.
func scaled(n int, scale float32) int { return int(float32(n) * scale) }

const maxScale = 1 << 16

func imageScale(scales []float32, axes []int64) (s [2]float32, err error) {
	at, err := imageAxes(len(scales), axes)
	if err != nil {
		return s, err
	}
	for a, i := range at {
		v := float32(1)
		if i >= 0 {
			v = scales[i]
		}
		switch {
		case a < 2 && v != 1:
			return s, fmt.Errorf("scales %v: only H and W can be resized", scales)
		case !(v > 0 && v <= maxScale):
			return s, fmt.Errorf("scales %v, want above 0 and at most %d", scales, maxScale)
		case a >= 2:
			s[a-2] = v
		}
	}
	return s, nil
}

func imageSize(sizes, axes []int64, shape []int) (s [2]int, err error) {
	at, err := imageAxes(len(sizes), axes)
	if err != nil {
		return s, err
	}
	if len(shape) != 4 {
		return s, fmt.Errorf("input has shape %v, want N×C×H×W", shape)
	}
	for a, i := range at {
		v := int64(shape[a])
		if i >= 0 {
			v = sizes[i]
		}
		switch {
		case a < 2 && v != int64(shape[a]):
			return s, fmt.Errorf("sizes %v for shape %v: only H and W can be resized", sizes, shape)
		case a >= 2:
			if s[a-2], err = size("size", v, 1); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}
