package eval

import (
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
)

// Views is in how many positions a network is shown each picture, whose answers are averaged (test-time augmentation, as
// Krizhevsky et al. 2012, §4.1, do with mirrored pictures): 1 as it is, 2 mirrored too, 4 and both upside down. It takes
// as many times the work.
func Views(g *graph.Graph) int { return max(g.Preprocess().Views, 1) }

// Position says how position k of Views lies.
func Position(k int) (mirrored, upsideDown bool) { return k&1 != 0, k&2 != 0 }

// Show puts the other positions of the first n images of a plan's input behind them, as many as it has room for: those of
// position k from image k·n on.
func Show(p *plan.Plan, g *graph.Graph, n int) {
	x, s := p.Data(Input(g)), g.Node(Input(g)).Shape
	first := x[:n*s[1]*s[2]*s[3]]
	for k := 1; k*len(first) < len(x); k++ {
		turned := x[k*len(first):][:len(first)]
		copy(turned, first)
		turn(turned, k, s[1], s[2])
	}
}

// turn brings images of h×w pixels from the first position to position k.
func turn(x []float32, k, h, w int) {
	mirrored, upsideDown := Position(k)
	if mirrored {
		data.FlipLeftRight(x, w)
	}
	for ; upsideDown && len(x) > 0; x = x[h*w*3:] {
		data.FlipUpDown(x[:h*w*3], w)
	}
}

// average leaves in the first of views equal parts of answers their mean.
func average(answers []float32, views int) {
	first := answers[:len(answers)/views]
	for i := range first {
		sum := first[i]
		for k := 1; k < views; k++ {
			sum += answers[k*len(first)+i]
		}
		first[i] = sum / float32(views)
	}
}
