package main

import (
	"fmt"
	"image"
	"io"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/spf13/cobra"
)

// predictFlags is what `secateur predict` was asked for.
type predictFlags struct {
	model, draw string
	score       float64
	views       int
}

func predictCommand() *cobra.Command {
	var f predictFlags
	c := &cobra.Command{
		Use:     "predict --model MODEL IMAGE…",
		Short:   "Classify images, or find objects in them: one JSON object a line, or a line for people",
		Example: "  secateur predict --model line.secateur part1.jpg part2.jpg --json\n  secateur predict --model screws.secateur --draw found/ board.jpg",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("predict wants at least one image")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if f.model == "" {
				return usagef("--model is missing")
			}
			if f.score < 0 || f.score > 1 {
				return usagef("--score %v: want 0 to 1", f.score)
			}
			if err := checkViews(f.views); err != nil {
				return err
			}
			return f.run(c, args)
		},
	}
	c.Flags().StringVar(&f.model, "model", "", "the model")
	c.Flags().StringVar(&f.draw, "draw", "", "folder for the pictures with what a detector found, as PNG")
	addViews(c.Flags(), &f.views)
	c.Flags().Float64Var(&f.score, "score", 0, "score from which on a detector's boxes count; 0 is the model's own, where it makes most of precision and recall")
	return c
}

// predictor judges single pictures.
type predictor interface {
	File(path string) (*eval.Prediction, error)
	Image(name string, m image.Image) (*eval.Prediction, error)
}

// newPredictor is one for a classifier or a detector, whose boxes count from score on; 0 is the model's own.
func newPredictor(env graph.Env, g *graph.Graph, score float64) (predictor, error) {
	if !detect.Is(g) {
		return eval.NewPredictor(env, g)
	}
	p, err := detect.NewPredictor(env, g)
	if err == nil && score > 0 {
		p.Choice.Score = float32(score)
	}
	return p, err
}

func (f *predictFlags) run(c *cobra.Command, images []string) error {
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	g, err := loadModel(f.model)
	if err != nil {
		return err
	}
	showIn(g, f.views)
	if (f.draw != "" || f.score > 0) && !detect.Is(g) {
		return usagef("--draw and --score are for detectors, and %s classifies", f.model)
	}
	p, err := newPredictor(env, g, f.score)
	if err != nil {
		return err
	}
	drawn, err := newDrawn(f.draw)
	if err != nil {
		return err
	}
	s := newShow(c)
	var last error // is said by the program's end, so that each image is named once
	for _, path := range images {
		if err := c.Context().Err(); err != nil {
			return err
		}
		r, err := p.File(path)
		if err == nil {
			err = drawn.add(r)
		}
		if err != nil {
			if last != nil {
				s.say("skipped %v", last)
			}
			last = err
			continue
		}
		if isJSON(c) {
			err = printJSON(c.OutOrStdout(), r)
		} else {
			err = printPrediction(c.OutOrStdout(), r)
		}
		if err != nil {
			return err
		}
	}
	return last
}

// printPrediction is a line for people, of a detector one more for each box.
func printPrediction(w io.Writer, r *eval.Prediction) error {
	if r.Boxes == nil {
		_, err := fmt.Fprintf(w, "%s: %s (%.1f %%)\n", r.Image, r.Class, 100*r.Score)
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %d found\n", r.Image, len(r.Boxes))
	for _, b := range r.Boxes {
		_, err = fmt.Fprintf(w, "  %s (%.1f %%) from %.1f,%.1f to %.1f,%.1f\n", b.Class, 100*b.Score, b.XMin, b.YMin, b.XMax, b.YMax)
	}
	return err
}
