package train

import (
	"fmt"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
)

// checkInput refuses networks that do not read one colour picture.
func checkInput(g *graph.Graph) error {
	in := g.Role(graph.Input)
	if len(in) != 1 {
		return fmt.Errorf("the model has %d inputs, want one picture", len(in))
	}
	if s := in[0].Shape; len(s) != 4 || s[3] != 3 {
		return fmt.Errorf("the model's input %q has shape %v, want N×H×W×3 for a colour picture", in[0].Name, s)
	}
	return nil
}

// preprocess is what a network wants of an image.
func preprocess(g *graph.Graph) data.Preprocess {
	s := g.Node(input(g)).Shape
	p := g.Preprocess()
	return data.Preprocess{Height: s[1], Width: s[2], Mean: p.Mean, Std: p.Std, BGR: p.BGR}
}
