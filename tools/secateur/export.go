package main

import (
	"cmp"
	"fmt"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/spf13/cobra"
)

func exportCommand() *cobra.Command {
	var out string
	var nms bool
	var score float32
	c := &cobra.Command{
		Use:   "export MODEL -o FILE.onnx",
		Short: "Write a model as ONNX, labels and preprocessing in its metadata",
		Long: `Write a model as ONNX for any number of images, labels and preprocessing in its metadata.

A detector's outputs are detect.logits, N×A×C, one question a class (the score is their sigmoid), and detect.boxes, N×A×4,
xmin, ymin, xmax, ymax in pixels of the input: for each anchor. With --nms there is one output, detections, K×7: image, class,
score, xmin, ymin, xmax, ymax, after the standard operator NonMaxSuppression for each class.`,
		Example: "  secateur export line.secateur -o line.onnx\n  secateur export screws.secateur --nms -o screws.onnx",
		Args:    exactly(1, "one model"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usagef("--out is missing")
			}
			if err := checkWritable(out); err != nil {
				return err
			}
			g, err := loadModel(args[0])
			if err != nil {
				return err
			}
			if err := exportTo(g, out, nms, score); err != nil {
				return err
			}
			if isJSON(c) {
				return printJSON(c.OutOrStdout(), map[string]any{"file": out, "model": summary(g)})
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s written\n", out)
			return err
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "where the ONNX file goes")
	c.Flags().BoolVar(&nms, "nms", false, "of a detector: non-maximum suppression in the file")
	c.Flags().Float32Var(&score, "score", 0, "with --nms, the score that a box must exceed; 0 is the model's own")
	return c
}

// exportTo writes the file, of a detector perhaps with non-maximum suppression.
func exportTo(g *graph.Graph, out string, nms bool, score float32) error {
	switch {
	case score < 0 || score >= 1:
		return usagef("--score %v: want 0 to less than 1", score)
	case !nms && score > 0:
		return usagef("--score goes with --nms")
	case !nms:
		return onnx.Export(g, out)
	case !detect.Is(g):
		return usagef("--nms is for detectors, and the model classifies")
	}
	c := detect.ForModel(g)
	return onnx.ExportNMS(g, out, onnx.NMS{Score: cmp.Or(score, c.Score), IoU: float32(c.IoU), Most: c.Most})
}
