package explain

import (
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/plan"
)

// trial is what one network made of the judging images.
type trial interface {
	add(p *plan.Plan, samples []data.Sample) // what a plan has run, a row a sample
	losses() []float64                       // of each image
	accuracy() float64
	accuracies() []float64 // by class
}

// newTrial is one of a network like the run's.
func (e *explainer) newTrial() trial {
	out := e.run.Dense.Outputs
	if e.finds {
		return &findings{logits: out[0].Name, boxes: out[1].Name, classes: len(e.run.Classes)}
	}
	return &tally{logits: out[0].Name, right: make([]int, len(e.run.Classes)), count: make([]int, len(e.run.Classes))}
}

// tally is a classifier's trial.
type tally struct {
	logits       string
	loss         []float64
	right, count []int // by class
}

func (t *tally) add(p *plan.Plan, samples []data.Sample) {
	logits, classes := p.Data(t.logits), len(t.right)
	for i, s := range samples {
		z := logits[i*classes : (i+1)*classes]
		t.loss = append(t.loss, eval.CrossEntropy(z, s.Class))
		t.count[s.Class]++
		if eval.Argmax(z) == s.Class {
			t.right[s.Class]++
		}
	}
}

func (t *tally) losses() []float64 { return t.loss }

func (t *tally) accuracy() float64 {
	right, count := 0, 0
	for c := range t.right {
		right, count = right+t.right[c], count+t.count[c]
	}
	return float64(right) / float64(max(count, 1))
}

func (t *tally) accuracies() []float64 {
	var out []float64
	for c := range t.right {
		out = append(out, float64(t.right[c])/float64(max(t.count[c], 1)))
	}
	return out
}

// findings is a detector's trial: accuracies are average precisions at an IoU of 0.5.
type findings struct {
	logits, boxes string
	classes       int
	loss          []float64
	truth         [][]data.Box
	found         [][]detect.Detection
}

// add compares in pixels of the input, where the boxes are that the plan was told.
func (f *findings) add(p *plan.Plan, samples []data.Sample) {
	logits, boxes, told, loss := p.Data(f.logits), p.Data(f.boxes), p.Data(objects), p.Data(objectLoss)
	batch := len(loss)
	row := func(v []float32, i int) []float32 { return v[i*len(v)/batch : (i+1)*len(v)/batch] }
	for i := range samples {
		f.loss = append(f.loss, float64(loss[i]))
		f.found = append(f.found, detect.ForAverages().Decode(row(logits, i), row(boxes, i)))
		f.truth = append(f.truth, toldBoxes(row(told, i)))
	}
}

func toldBoxes(rows []float32) (list []data.Box) {
	for ; len(rows) > 0; rows = rows[detect.TargetWidth:] {
		if rows[0] >= 0 {
			list = append(list, data.Box{Class: int(rows[0]), XMin: rows[1], YMin: rows[2], XMax: rows[3], YMax: rows[4]})
		}
	}
	return list
}

func (f *findings) losses() []float64 { return f.loss }

func (f *findings) accuracy() float64 {
	return max(detect.Evaluate(f.truth, f.found, f.classes, 0).Map50, 0)
}

func (f *findings) accuracies() []float64 {
	var out []float64
	for _, c := range detect.Evaluate(f.truth, f.found, f.classes, 0).PerClass {
		out = append(out, max(c.AP50, 0))
	}
	return out
}
