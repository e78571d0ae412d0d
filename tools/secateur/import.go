package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/device/durable"
	"github.com/spf13/cobra"
)

func importCommand() *cobra.Command {
	var out, mean, std, labels, family string
	var o onnx.Options
	c := &cobra.Command{
		Use:     "import FILE.onnx -o MODEL",
		Short:   "Turn an ONNX file into a model file, with preprocessing and labels in it",
		Example: "  secateur import mobilenet.onnx -o mobilenet.secateur --mean 127.5,127.5,127.5 --std 127.5,127.5,127.5 --labels imagenet.txt",
		Args:    exactly(1, "one ONNX file"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usagef("--out is missing")
			}
			var err error
			if o.Mean, err = parseTriple("--mean", mean); err != nil {
				return err
			}
			if o.Std, err = parseTriple("--std", std); err != nil {
				return err
			}
			if labels != "" {
				if o.Labels, err = readLabels(labels); err != nil {
					return err
				}
			}
			s := newShow(c)
			o.Note = func(line string) { s.say("note: %s", line) }
			f, err := familyOf(family)
			if err != nil {
				return err
			}
			return runImport(c, s, args[0], out, f, o)
		},
	}
	fl := c.Flags()
	fl.StringVarP(&out, "out", "o", "", "where the model file goes")
	fl.StringVar(&mean, "mean", "", "r,g,b in 0..255 that is subtracted from the pixels, in the order of the input's channels")
	fl.StringVar(&std, "std", "", "r,g,b that the difference is divided by")
	fl.StringVar(&labels, "labels", "", "file with one class name a line")
	fl.StringVar(&family, "detector", "", "the file is a detector of this family: "+strings.Join(families(), " or ")+"; its answers become logits and boxes like ours, and its usual mean, std and order of colours hold")
	fl.BoolVar(&o.BGR, "bgr", false, "the model wants blue first")
	fl.IntVar(&o.Height, "height", 0, "height of the input, where the file leaves it open")
	fl.IntVar(&o.Width, "width", 0, "width of the input, where the file leaves it open")
	return c
}

// families is the names of the detectors that can be imported.
func families() (names []string) {
	for _, f := range detect.Families() {
		names = append(names, f.Name)
	}
	return names
}

// familyOf is the family of a name, nil of none.
func familyOf(name string) (*detect.Foreign, error) {
	for _, f := range detect.Families() {
		if f.Name == name {
			return &f, nil
		}
	}
	if name != "" {
		return nil, usagef("--detector %q: want %s", name, strings.Join(families(), " or "))
	}
	return nil, nil
}

// readONNX is the network of a file, of a detector's family with our outputs.
func readONNX(path string, f *detect.Foreign, o onnx.Options) (*graph.Graph, error) {
	if f == nil {
		return onnx.Import(path, o)
	}
	if o.Mean == nil && o.Std == nil {
		o.Mean, o.Std, o.BGR = &f.Preprocess.Mean, &f.Preprocess.Std, o.BGR || f.Preprocess.BGR
	}
	g, err := onnx.Import(path, o)
	if err != nil {
		return nil, err
	}
	if g, err = f.Convert(g); err != nil {
		return nil, fmt.Errorf("import %s: %w", path, err)
	}
	return g, nil
}

func runImport(c *cobra.Command, s *show, path, out string, f *detect.Foreign, o onnx.Options) error {
	if err := checkWritable(out); err != nil {
		return err
	}
	g, err := readONNX(path, f, o)
	if err != nil {
		return err
	}
	if err := checkFinite(path, g); err != nil {
		return err
	}
	if err := checkLabels(g, o.Labels); err != nil {
		return err
	}
	s.pixels(g)
	if g.Meta[graph.MetaParent], err = durable.Sum(path); err != nil {
		return err
	}
	if err := checkpoint.SaveModel(out, g); err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), summary(g))
	}
	fmt.Fprintf(c.OutOrStdout(), "%s written: %d nodes, %s MACs, %s parameters\n", out, len(g.Nodes), count(g.MACs()), count(int64(g.Params())))
	return nil
}

// checkLabels wants as many names as a classifier has outputs, where names were given.
func checkLabels(g *graph.Graph, labels []string) error {
	s := g.Outputs[0].Shape
	if labels == nil || len(g.Outputs) > 1 || len(s) != 2 || s[1] == len(labels) {
		return nil
	}
	return usagef("--labels: %d labels for %d outputs", len(labels), s[1])
}

// parseTriple reads three numbers with commas between; nothing is nil.
func parseTriple(flag, s string) (*[3]float32, error) {
	if s == "" {
		return nil, nil
	}
	parts := strings.Split(s, ",")
	var v [3]float32
	if len(parts) != len(v) {
		return nil, usagef("%s %q: want three numbers with commas between", flag, s)
	}
	for i, p := range parts {
		x, err := strconv.ParseFloat(strings.TrimSpace(p), 32)
		if err != nil {
			return nil, usagef("%s %q: %q is not a number", flag, s, p)
		}
		v[i] = float32(x)
	}
	return &v, nil
}
