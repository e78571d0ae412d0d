package detect

import (
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
)

// network is a detector that runs over some pictures at a time, each in all its positions.
type network struct {
	plan     *plan.Plan
	g        *graph.Graph
	pictures int
	views    int
}

// compile folds batch norm.
func compile(e graph.Env, g *graph.Graph, pictures int) (*network, error) {
	v := eval.Views(g)
	p, err := plan.Compile(g, plan.Options{Env: e, Batch: v * pictures, Fold: true})
	return &network{p, g, pictures, v}, err
}

// input is where the pictures go, V·N×H×W×3.
func (n *network) input() []float32 { return n.plan.Data(eval.Input(n.g)) }

// find is the detections in picture i, in pixels of the input, after a run.
func (n *network) find(c Choice, i int) ([]Detection, error) {
	answers := make([][2][]float32, n.views)
	for k := range answers {
		for o, out := range n.g.Outputs {
			y := n.plan.Data(out.Name)
			size := len(y) / (n.views * n.pictures)
			answers[k][o] = y[(k*n.pictures+i)*size:][:size]
			if !numbers(answers[k][o]) {
				return nil, eval.ErrNotNumbers
			}
		}
	}
	in := n.g.Node(eval.Input(n.g)).Shape
	return c.positions(answers, float32(in[2]), float32(in[1])), nil
}
