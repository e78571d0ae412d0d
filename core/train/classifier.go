package train

import (
	"io"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
)

// classifier is the task of a network with one vector of logits an image.
type classifier struct{}

func (classifier) network(c Config) (*graph.Graph, error) {
	return ReplaceHead(c.Model, c.Data.Classes, c.Seed)
}

// head marks weight and bias of the last layer.
func (classifier) head(g *graph.Graph) map[*graph.Node]bool {
	mark := map[*graph.Node]bool{}
	if last, err := lastLayer(g); err == nil {
		for _, p := range last.In[1:] {
			mark[p] = true
		}
	}
	return mark
}

// enoughToHoldOut is the number of training images of the smallest class from which on a fifth
// is held out for early stopping.
const enoughToHoldOut = 25

func (classifier) holdsOut(s *data.Splits) bool {
	for _, n := range data.Count(s.Train, len(s.Classes)) {
		if n < enoughToHoldOut {
			return false
		}
	}
	return true
}

// losses is smoothed cross-entropy, and distillation.
func (classifier) losses(c *graph.Graph, o Objective) *graph.Node {
	logits := c.Outputs[0]
	n := logits.Shape[0]
	t := c.Leaf(target, graph.Input, logits.Shape, nil)
	w := c.Leaf(weight, graph.Input, tensor.Shape{n}, nil)
	total := c.Add("loss.ce", op.SoftmaxCrossEntropy{Smoothing: o.Smoothing}, logits, t, w)
	if o.Distill > 0 {
		soft := c.Leaf(teacher, graph.Input, logits.Shape, nil)
		sw := c.Leaf(teacherWeight, graph.Input, tensor.Shape{n}, nil)
		kd := c.Add("loss.kd", op.Distill{T: o.Temperature}, logits, soft, sw)
		total = c.Add("loss.each", op.Add{}, total, kd)
	}
	return total
}

func (classifier) loading(j *job, o *data.LoaderOptions) { o.Classes = len(j.Data.Classes) }

func (classifier) labels(p *plan.Plan, b *data.Batch) { b.Targets = p.Data(target) }

// weigh gives each image the weight of its class, all together the share that labels have beside the teacher.
func (classifier) weigh(t *tuner, n int) {
	soft := t.objective.Distill
	w, y := t.plan.Data(weight), t.plan.Data(target)
	total := float32(0)
	for i := range w {
		w[i] = 0
		if i < n {
			w[i] = t.weightOf(y[i*t.classes : (i+1)*t.classes])
			total += w[i]
		}
	}
	for i := range w {
		w[i] *= (1 - soft) / total
	}
	if soft > 0 {
		t.teach(n, soft)
	}
}

// weightOf is the class weight of a target: the mixture's where it is mixed.
func (t *tuner) weightOf(y []float32) float32 {
	s := float32(0)
	for c, p := range y {
		s += p * t.weights[c]
	}
	return s
}

// classWeights are inverse to how often a class occurs among the training images, with mean 1
// over the images; all 1 when every class counts by its images.
func (j *job) classWeights() []float32 {
	w := make([]float32, len(j.Data.Classes))
	count := make([]int, len(w))
	for _, s := range j.train {
		count[s.Class]++
	}
	for c := range w {
		w[c] = 1
		if !j.NoWeights && count[c] > 0 {
			w[c] = float32(len(j.train)) / float32(len(w)*count[c])
		}
	}
	return w
}

func (classifier) right(t *tuner, n int) (right int) {
	z, y := t.plan.Data(t.logits), t.plan.Data(target)
	for i := range n {
		if eval.Argmax(z[i*t.classes:(i+1)*t.classes]) == eval.Argmax(y[i*t.classes:(i+1)*t.classes]) {
			right++
		}
	}
	return right
}

// answers are the logits of the network for each training image as it is or, where features are cached, for each of their
// views, one view after the other.
func (classifier) answers(j *job) ([]float32, error) {
	if j.tunedPart() != Suffix {
		return eval.Forward(j.ctx, j.Env, j.net, j.train, len(j.Data.Classes))
	}
	f, err := j.cached()
	if err != nil {
		return nil, err
	}
	g, err := j.suffix()
	if err != nil {
		return nil, err
	}
	p, err := plan.Compile(g, plan.Options{Env: j.Env, Fold: true})
	if err != nil {
		return nil, err
	}
	p.Hook = j.ctx.Err
	var out []float32
	classes := len(j.Data.Classes)
	b := data.Batch{X: p.Data(j.pos.Cut), Targets: make([]float32, j.Batch*classes), Index: make([]int32, j.Batch)}
	for v := range f.views {
		c := &cacheFeeder{features: f, samples: j.train, classes: classes}
		for c.Epoch(v, 0, false); ; {
			n, err := c.Next(&b)
			if err == io.EOF {
				break
			}
			if err := p.Run(); err != nil {
				return nil, err
			}
			out = append(out, p.Data(g.Outputs[0].Name)[:n*classes]...)
		}
	}
	return out, nil
}

// live: cached views have their answers.
func (classifier) live(j *job, r recipe) bool {
	return j.Prune != nil && j.Prune.LiveTeacher && r.part != Suffix
}

func (classifier) teacher() []string { return []string{teacher} }

func (classifier) operate(*job) error { return nil }

func (classifier) evaluate(j *job, g *graph.Graph, samples []data.Sample, o eval.Options) (*eval.Report, error) {
	return eval.Evaluate(j.ctx, j.Env, g, samples, o)
}

func (classifier) marks(r *eval.Report) marks {
	return marks{accuracy: r.Accuracy, loss: r.Loss, grade: r.Harmonic(), luck: chance(r.Accuracy, r.Images)}
}

func (classifier) judgedBy() string { return "loss" }

func (classifier) graded() string { return "harmonic mean of class accuracies" }
