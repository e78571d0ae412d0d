package train

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
)

// detector is the task of a network with logits and boxes for many anchors an image.
type detector struct{}

// Detect says what a classifier becomes a detector by.
type Detect struct {
	Input     int  // side of the pictures that it reads, 0: as the model
	Letterbox bool // pictures keep their proportions
	Head      detect.Head
}

// network gives a classifier's features a new detection head. A detector of these classes is kept as it is.
func (detector) network(c Config) (*graph.Graph, error) {
	if err := onlyClassifiers(c); err != nil {
		return nil, err
	}
	if detect.Is(c.Model) && slices.Equal(c.Model.Labels(), c.Data.Classes) {
		if c.Model.Node(detect.Centres) == nil {
			return nil, fmt.Errorf("the detector does not say where its anchors lie: it has no tensor %q", detect.Centres)
		}
		return c.Model.Copy(), nil
	}
	g, err := backbone(c.Model)
	if err != nil {
		return nil, err
	}
	d := c.Detect
	if d == nil {
		d = &Detect{Head: detect.DefaultHead(c.Seed)}
	}
	if d.Input > 0 {
		if g, _, err = g.WithSize(d.Input, d.Input); err != nil {
			return nil, fmt.Errorf("the backbone for pictures of %d×%d: %w", d.Input, d.Input, err)
		}
	}
	if g, err = d.Head.AddHead(g, c.Data.Classes); err != nil {
		return nil, err
	}
	p := g.Preprocess()
	p.Letterbox = d.Letterbox
	g.SetPreprocess(p)
	return g, nil
}

// backbone is a network without its head.
func backbone(g *graph.Graph) (*graph.Graph, error) {
	if detect.Is(g) {
		return detect.Backbone(g)
	}
	last, err := lastLayer(g)
	if err != nil {
		return nil, err
	}
	b, _, err := g.Sub(nil, []*graph.Node{last.In[0]})
	return b, err
}

// onlyClassifiers refuses what a detector cannot be trained with.
func onlyClassifiers(c Config) error {
	switch {
	case c.Smoothing > 0:
		return errors.New("label smoothing is for classifiers: a detector's answers have a quality each")
	case c.BSS > 0:
		return errors.New("batch spectral shrinkage is for classifiers: it works on one vector of features an image")
	case c.Detect != nil && c.Detect.Input < 0:
		return fmt.Errorf("pictures of %d pixels", c.Detect.Input)
	}
	return nil
}

// head marks what the detection head added.
func (detector) head(g *graph.Graph) map[*graph.Node]bool { return detect.OwnParams(g) }

// trainHead trains the head on the frozen backbone, as many whole epochs as make the steps.
func (detector) trainHead(j *job) error {
	epochs := (j.HeadSteps + j.epochSteps() - 1) / j.epochSteps()
	t, err := j.newTuner(recipe{name: "head", epochs: epochs, rate: headRate / 10, warm: 10, part: Head, objective: j.plain()})
	if err != nil {
		return err
	}
	return t.run(false)
}

// enoughToStopBy is the number of training images from which on a fifth is held out for early stopping: average precision
// says little on few.
const enoughToStopBy = 500

func (detector) holdsOut(s *data.Splits) bool { return len(s.Train) >= enoughToStopBy }

// losses is the loss of what the anchors are to answer, each object counting alike, and of what the teacher's answer.
func (detector) losses(c *graph.Graph, o Objective) *graph.Node {
	assigned := detect.AddAssigned(c, detect.AddTargets(c, target, max(1, o.Objects)))
	total := meanLoss(c, "loss.objects", assigned, weight)
	if o.Distill > 0 {
		logits, boxes := c.Leaf(teacher, graph.Input, c.Outputs[0].Shape, nil), c.Leaf(teacherBoxes, graph.Input, c.Outputs[1].Shape, nil)
		taught := c.Add("loss.taught", detect.Taught{Least: certain}, logits, boxes)
		total = c.Add("loss.each", op.Add{}, total, meanLoss(c, "loss.kd", taught, teacherWeight))
	}
	return total
}

// certain is the score from which on the dense detector's anchors teach what they answer, below it background.
const certain = 0.1

// meanLoss is the loss of each image over the qualities that the batch asks for.
func meanLoss(c *graph.Graph, name string, assigned *graph.Node, weights string) *graph.Node {
	w := c.Leaf(weights, graph.Input, assigned.Shape[:1], nil)
	return c.Add(name, op.Div{}, detect.AddLoss(c, name+".sum", assigned, w), detect.AddMass(c, name+".mass", assigned))
}

func (detector) loading(j *job, o *data.LoaderOptions) {
	o.Classes, o.Boxes = len(j.Data.Classes), j.objects()
}

// objects is the rows that hold the objects of any image of the run.
func (j *job) objects() int {
	if _, ok := j.task.(detector); !ok {
		return 0
	}
	return detect.MostObjects(j.train, j.val, j.test)
}

func (detector) labels(p *plan.Plan, b *data.Batch) { b.Boxes = p.Data(target) }

// weigh lets images count alike; the batch's qualities make the mean.
func (detector) weigh(t *tuner, n int) {
	soft := t.objective.Distill
	fill(t.plan.Data(weight), n, 1-soft)
	if soft > 0 {
		fill(t.plan.Data(teacherWeight), n, soft)
	}
	if soft > 0 && t.live == nil {
		t.recall(n)
	}
}

// recall feeds what the dense detector answered to the batch's images in the view that is shown.
func (t *tuner) recall(n int) {
	view := t.taught[t.loader.(*cacheFeeder).view]
	for k, input := range t.task.teacher() {
		to := t.plan.Data(input)
		size := len(to) / t.Batch
		clear(to[n*size:])
		for i, at := range t.batch.Index[:n] {
			copy(to[i*size:(i+1)*size], view[k][int(at)*size:])
		}
	}
}

// answersByView is what the dense detector's outputs are for all training images, view by view. They are made again after a
// run is resumed, since they are as large as the features.
func (j *job) answersByView(views int) (list [][][]float32, err error) {
	p, err := j.liveTeacher()
	if err != nil {
		return nil, err
	}
	b := data.Batch{X: p.Data(eval.Input(j.dense))}
	err = j.eachView(views, data.PadLast, func(l *data.Loader, _ int) error {
		answers := make([][]float32, len(j.dense.Outputs))
		for {
			n, err := l.Next(&b)
			if err == io.EOF {
				list = append(list, answers)
				return nil
			}
			if err != nil {
				return err
			}
			if err := p.Run(); err != nil {
				return err
			}
			for k, out := range j.dense.Outputs {
				y := p.Data(out.Name)
				answers[k] = append(answers[k], y[:len(y)/j.Batch*n]...)
			}
		}
	})
	return list, err
}

// fill sets the first n values.
func fill(v []float32, n int, value float32) {
	clear(v)
	for i := range n {
		v[i] = value
	}
}

func (detector) right(*tuner, int) int { return 0 }

func (detector) answers(*job) ([]float32, error) { return nil, nil }

// live: boxes move with the picture. Views whose features are cached have answers of their own.
func (detector) live(_ *job, r recipe) bool { return r.part != Suffix }

func (detector) teacher() []string { return []string{teacher, teacherBoxes} }

// operate chooses the score from which on boxes count, and keeps it with the network: on the validation images, without
// those on the training images, never on images that only test.
func (detector) operate(j *job) error {
	r, err := j.judge(j.net)
	if err == nil {
		j.net.SetThreshold(r.Threshold)
	}
	return err
}

func (detector) evaluate(j *job, g *graph.Graph, samples []data.Sample, o eval.Options) (*eval.Report, error) {
	return detect.Measure(j.ctx, j.Env, g, samples, o)
}

// marks: early stopping looks at the average precision at one IoU and over all, since the first alone is soon 1.
func (detector) marks(r *eval.Report) marks {
	_, rarest := r.Rarest()
	return marks{accuracy: r.Map50, loss: 1 - (r.Map50+r.Map)/2, grade: rarest.Recall, luck: chance(rarest.Recall, rarest.Objects)}
}

func (detector) judgedBy() string { return "1 less the average precision" }

func (detector) graded() string { return "the recall of the rarest class" }
