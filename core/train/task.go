package train

import (
	"math"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
)

// task is what a job does in its own way by what its network is for: classifier or detector. It keeps nothing.
type task interface {
	// network is the model with a head for the classes of the data, one image a step.
	network(c Config) (*graph.Graph, error)
	// head marks the parameters of the head.
	head(g *graph.Graph) map[*graph.Node]bool
	// trainHead trains the head alone.
	trainHead(j *job) error
	// holdsOut reports whether there are enough training images to take some for early stopping.
	holdsOut(s *data.Splits) bool

	// losses adds the loss of each image to a network, N, and the inputs that it reads.
	losses(c *graph.Graph, o Objective) *graph.Node
	// loading says what a loader must know of the labels, labels where in a step it writes them.
	loading(j *job, o *data.LoaderOptions)
	labels(p *plan.Plan, b *data.Batch)
	// weigh feeds the weights of a step's n images, and what the dense network answered before.
	weigh(t *tuner, n int)
	// right is how many of a step's n images the network has right, where that can be said.
	right(t *tuner, n int) int

	// answers are those of the dense network to all images, for distillation; nil where it answers live.
	answers(j *job) ([]float32, error)
	// live reports whether the dense network answers for the pictures as they are shown, teacher where.
	live(j *job, r recipe) bool
	teacher() []string

	// operate settles from which score on answers count, where that is asked.
	operate(j *job) error
	evaluate(j *job, g *graph.Graph, samples []data.Sample, o eval.Options) (*eval.Report, error)
	marks(r *eval.Report) marks
	// judgedBy and graded are what loss and grade are called.
	judgedBy() string
	graded() string
}

// marks is what a training looks at in a report.
type marks struct {
	accuracy float64 // that is shown
	loss     float64 // that early stopping wants low
	grade    float64 // that turns are accepted by
	luck     float64 // by how much the grade moves by chance
}

// taskOf is the task of a network with its head.
func taskOf(g *graph.Graph) task {
	if detect.Is(g) {
		return detector{}
	}
	return classifier{}
}

// chance is by how much a share of n moves by luck: 1.64 standard errors, so that
// a network as good as the dense one is taken back once in twenty turns.
func chance(share float64, n int) float64 {
	if n == 0 {
		return 0
	}
	p := math.Min(math.Max(share, 1/float64(n+1)), float64(n)/float64(n+1))
	return 1.64 * math.Sqrt(p*(1-p)/float64(n))
}
