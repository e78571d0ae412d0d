package main

import (
	"fmt"

	"github.com/secateur/secateur/core/eval"
	"github.com/spf13/cobra"
)

func predictCommand() *cobra.Command {
	var model string
	c := &cobra.Command{
		Use:     "predict --model MODEL IMAGE…",
		Short:   "Classify images: one JSON object a line, or a line for people",
		Example: "  secateur predict --model line.secateur part1.jpg part2.jpg --json",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("predict wants at least one image")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if model == "" {
				return usagef("--model is missing")
			}
			return runPredict(c, model, args)
		},
	}
	c.Flags().StringVar(&model, "model", "", "the model")
	return c
}

func runPredict(c *cobra.Command, model string, images []string) error {
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	g, err := loadModel(model)
	if err != nil {
		return err
	}
	p, err := eval.NewPredictor(env, g)
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
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %s (%.1f %%)\n", r.Image, r.Class, 100*r.Score)
		}
		if err != nil {
			return err
		}
	}
	return last
}
