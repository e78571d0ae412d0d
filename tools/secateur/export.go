package main

import (
	"fmt"

	"github.com/secateur/secateur/core/onnx"
	"github.com/spf13/cobra"
)

func exportCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "export MODEL -o FILE.onnx",
		Short:   "Write a model as ONNX, labels and preprocessing in its metadata",
		Example: "  secateur export line.secateur -o line.onnx",
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
			if err := onnx.Export(g, out); err != nil {
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
	return c
}
