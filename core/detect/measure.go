package detect

import (
	"context"
	"fmt"
	"image"
	"math"
	"strings"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
)

// Measurer is what measures a network: Measure a detector, else eval.Evaluate.
func Measurer(g *graph.Graph) func(context.Context, graph.Env, *graph.Graph, []data.Sample, eval.Options) (*eval.Report, error) {
	if Is(g) {
		return Measure
	}
	return eval.Evaluate
}

// Measure runs a detector over pictures with boxes, batch norm folded, and reports what Evaluate finds: recall and
// precision at the score that is kept with the model, or with o.Operate at the one that suits these pictures best.
func Measure(ctx context.Context, e graph.Env, g *graph.Graph, samples []data.Sample, o eval.Options) (*eval.Report, error) {
	found, err := Find(ctx, e, g, samples, ForAverages(), o.Progress)
	if err != nil {
		return nil, err
	}
	threshold := float64(ForModel(g).Score)
	if o.Operate {
		threshold = 0
	}
	r := Report(g, samples, found, threshold)
	if o.Latency {
		if r.Latency, err = eval.MeasureLatency(ctx, e, g, eval.Views(g)); err != nil {
			return nil, err
		}
	}
	r.PeakRSS = eval.PeakRSS()
	return r, nil
}

// Report is what Evaluate finds of a detector that found this in pictures with boxes. Classes without objects are left out.
func Report(g *graph.Graph, samples []data.Sample, found [][]Detection, threshold float64) *eval.Report {
	labels := g.Labels()
	ap := Evaluate(Truth(samples), found, len(labels), threshold)
	r := &eval.Report{Detector: true, Images: len(samples), MACs: eval.MACs(g) * int64(eval.Views(g)), Params: g.Params(), Objects: map[string]eval.ObjectReport{}}
	r.Map50, r.Map, r.Threshold, r.Precision, r.Recall = ap.Map50, ap.Map, ap.Threshold, ap.Precision, ap.Recall
	for c, k := range ap.PerClass {
		if k.Objects > 0 {
			r.Objects[labels[c]] = eval.ObjectReport{Objects: k.Objects, AP50: k.AP50, AP: k.AP, Recall: k.Recall, Precision: k.Precision}
		}
	}
	return r
}

// Truth is the boxes of pictures, as Evaluate wants them.
func Truth(samples []data.Sample) [][]data.Box {
	truth := make([][]data.Box, len(samples))
	for i, s := range samples {
		truth[i] = s.Boxes
	}
	return truth
}

// Find is what a detector finds in each picture, in pixels of the picture.
func Find(ctx context.Context, e graph.Env, g *graph.Graph, samples []data.Sample, c Choice, progress func(eval.Progress)) ([][]Detection, error) {
	if err := check(g); err != nil || len(samples) == 0 {
		return nil, err
	}
	batch := min(eval.BatchSize/2, len(samples))
	net, err := compile(e, g, batch)
	if err != nil {
		return nil, err
	}
	net.plan.Hook = ctx.Err
	pre, sizes := eval.Preprocess(g), make([]int32, 2*batch)
	var found [][]Detection
	began := time.Now()
	err = eval.EachLoaded(net.plan, g, samples, data.LoaderOptions{Batch: batch, Classes: len(g.Labels())}, data.Batch{Sizes: sizes}, func(n int) error {
		for i := range n {
			list, err := net.find(c, i)
			if err != nil {
				return err
			}
			found = append(found, back(list, pre.ToInput(int(sizes[2*i]), int(sizes[2*i+1])).Inverse(), image.Pt(int(sizes[2*i]), int(sizes[2*i+1]))))
		}
		if progress != nil {
			progress(eval.Progress{Phase: "eval", Done: len(found), Total: len(samples), PerSec: float64(len(found)) / time.Since(began).Seconds()})
		}
		return nil
	})
	return found, err
}

// check refuses what is no detector of its labels.
func check(g *graph.Graph) error {
	if !Is(g) {
		return fmt.Errorf("the model is no detector: its outputs are %s, want logits N×A×C and boxes N×A×4", shapes(g.Outputs))
	}
	if n := len(g.Labels()); n != g.Outputs[0].Shape[2] {
		return fmt.Errorf("the model has %d labels for %d classes", n, g.Outputs[0].Shape[2])
	}
	return eval.CheckInput(g)
}

func shapes(of []*graph.Node) string {
	var list []string
	for _, n := range of {
		list = append(list, fmt.Sprint(n.Shape))
	}
	return strings.Join(list, " and ")
}

func numbers(v []float32) bool {
	sum := 0.0
	for _, x := range v {
		sum += float64(x)
	}
	return !math.IsNaN(sum) && !math.IsInf(sum, 0)
}
