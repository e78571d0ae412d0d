package train

import (
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
)

// preprocess is what a network wants of an image.
func preprocess(g *graph.Graph) data.Preprocess {
	s := g.Node(input(g)).Shape
	p := g.Preprocess()
	return data.Preprocess{Height: s[1], Width: s[2], Mean: p.Mean, Std: p.Std, BGR: p.BGR}
}
