// Package eval runs a network over images: batches, accuracy and latency, single predictions.
package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
	"golang.org/x/sys/unix"
)

// Options says what else Evaluate does.
type Options struct {
	Latency  bool // measure at batch 1
	Progress func(Progress)
	Guesses  bool // keep what was made of each image
	Operate  bool // choose a detector's operating point on these images, which are then no test of it; else it is the model's
}

// Progress is where a phase stands, for a bar.
type Progress struct {
	Phase  string
	Done   int
	Total  int
	Unit   string  // of Done and Total; "" is images
	PerSec float64 // 0: not told
}

// BatchSize is the number of images of an evaluation step.
const BatchSize = 16

// Evaluate runs a classifier over labelled images, batch norm folded. Loss is the class-balanced
// cross-entropy: the mean over classes of the mean over their images.
func Evaluate(ctx context.Context, e graph.Env, g *graph.Graph, samples []data.Sample, o Options) (*Report, error) {
	classes := g.Labels()
	ev, err := newEvaluator(e, g, min(BatchSize, max(len(samples), 1)))
	if err != nil {
		return nil, err
	}
	ev.plan.Hook = ctx.Err
	r := &Report{MACs: MACs(g) * int64(ev.views), Params: g.Params()}
	for range classes {
		r.Confusion = append(r.Confusion, make([]int, len(classes)))
	}
	losses := make([]float64, len(classes))
	began := time.Now()
	done := 0
	err = ev.run(samples, func(class int, logits []float32) {
		r.Confusion[class][Argmax(logits)]++
		losses[class] += CrossEntropy(logits, class)
		if o.Guesses {
			r.Guesses = append(r.Guesses, guess(logits))
		}
		if done++; o.Progress != nil {
			o.Progress(Progress{Phase: "eval", Done: done, Total: len(samples), PerSec: float64(done) / time.Since(began).Seconds()})
		}
	})
	if err != nil {
		return nil, err
	}
	r.fill(classes)
	if r.Loss = balanced(losses, r.Confusion); math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0) {
		return nil, ErrNotNumbers
	}
	if o.Latency {
		if r.Latency, err = MeasureLatency(ctx, e, g, ev.views); err != nil {
			return nil, err
		}
	}
	r.PeakRSS = PeakRSS()
	return r, nil
}

// ErrNotNumbers is an evaluation whose loss says nothing.
var ErrNotNumbers = errors.New("the model's outputs are not finite numbers: it is damaged, or it diverged")

// evaluator runs a folded network over images in order.
type evaluator struct {
	plan  *plan.Plan
	g     *graph.Graph
	batch int
	views int
}

func newEvaluator(e graph.Env, g *graph.Graph, batch int) (*evaluator, error) {
	if len(g.Outputs) != 1 || len(g.Outputs[0].Shape) != 2 {
		return nil, fmt.Errorf("the model has %d outputs; a classifier has one, N×classes", len(g.Outputs))
	}
	if err := CheckInput(g); err != nil {
		return nil, err
	}
	if n := len(g.Labels()); n != g.Outputs[0].Shape[1] {
		return nil, fmt.Errorf("the model has %d labels for %d outputs; import it with --labels", n, g.Outputs[0].Shape[1])
	}
	v := Views(g)
	p, err := plan.Compile(g, plan.Options{Env: e, Batch: v * batch, Fold: true})
	return &evaluator{p, g, batch, v}, err
}

// logits is what the plan has made of its images, averaged over their positions.
//
//	N×C
func (ev *evaluator) logits() []float32 {
	z := ev.plan.Data(ev.g.Outputs[0].Name)
	average(z, ev.views)
	return z
}

// run calls each with the class and logits of every sample, in order.
func (ev *evaluator) run(samples []data.Sample, each func(class int, logits []float32)) error {
	if len(samples) == 0 {
		return nil
	}
	c, done := ev.g.Outputs[0].Shape[1], 0
	return EachBatch(ev.plan, ev.g, samples, ev.batch, c, nil, func(n int) error {
		z := ev.logits()
		for i := range n {
			each(samples[done+i].Class, z[i*c:(i+1)*c])
		}
		done += n
		return nil
	})
}

func guess(logits []float32) Guess {
	best := Argmax(logits)
	return Guess{best, softmax(logits)[best]}
}

// CrossEntropy is -ln softmax(z)[class].
func CrossEntropy(z []float32, class int) float64 {
	top := float64(slices.Max(z))
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(float64(v) - top)
	}
	return math.Log(sum) + top - float64(z[class])
}

// balanced is the mean over the classes that occur of their mean loss.
func balanced(losses []float64, confusion [][]int) float64 {
	total, seen := 0.0, 0
	for c, row := range confusion {
		n := 0
		for _, k := range row {
			n += k
		}
		if n > 0 {
			total += losses[c] / float64(n)
			seen++
		}
	}
	return total / float64(max(seen, 1))
}

// MACs is the number of multiply-adds for one image.
func MACs(g *graph.Graph) int64 { return g.MACs() / int64(max(g.Batch(), 1)) }

// Runs of MeasureLatency.
const (
	latencyWarm = 3
	latencyRuns = 40
)

// MeasureLatency times single images in so many positions, batch norm folded, on the threads of e.
func MeasureLatency(ctx context.Context, e graph.Env, g *graph.Graph, views int) (Latency, error) {
	p, err := plan.Compile(g, plan.Options{Env: e, Batch: views, Fold: true})
	if err != nil {
		return Latency{}, err
	}
	var ms []float64
	for i := range latencyWarm + latencyRuns {
		began := time.Now()
		if err := p.Run(); err != nil {
			return Latency{}, err
		}
		if i >= latencyWarm {
			ms = append(ms, float64(time.Since(began).Nanoseconds())/1e6)
		}
		if err := ctx.Err(); err != nil {
			return Latency{}, err
		}
	}
	slices.Sort(ms)
	return Latency{P50: ms[len(ms)/2], P99: ms[min(len(ms)-1, len(ms)*99/100)]}, nil
}

// PeakRSS is the largest resident set of the process so far, in bytes: VmHWM where the system has
// it, since the figure of getrusage begins with that of the process that started this one.
func PeakRSS() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kib), " kB"), 10, 64)
			return n << 10
		}
	}
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Maxrss << 10
}

// Argmax is the index of the largest value, the first of several.
func Argmax(v []float32) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}
