package report

import (
	"fmt"
	"math"
	"strings"
)

// mostMarks is how many epochs still get a mark and a tooltip each.
const mostMarks = 120

// trainingView is the course of the training.
type trainingView struct {
	Charts []*chart // loss, accuracy; either may be missing
	Phases string   // which epochs belong to which phase
}

// newTraining numbers the epochs of all phases through, from 1.
func newTraining(epochs []Epoch) *trainingView {
	stretches := phases(epochs)
	v := &trainingView{Phases: phaseList(stretches)}
	loss := curve{"loss", "loss", curveOf(epochs, func(e Epoch) float64 { return e.Loss }), curveOf(epochs, valLoss), lossAxis, three}
	acc := curve{"accuracy", "accuracy, %", curveOf(epochs, trainAccuracy), curveOf(epochs, valAccuracy), accuracyAxis, onePercent}
	for _, cv := range []curve{loss, acc} {
		if c := cv.chart(len(epochs), stretches); c != nil {
			v.Charts = append(v.Charts, c)
		}
	}
	if len(v.Charts) == 0 {
		return nil
	}
	return v
}

// curve is one quantity in training and validation, a value an epoch, NaN where there is none.
type curve struct {
	name, axis string
	train, val []float64
	scale      func(lo, hi float64) axis
	format     func(float64) string
}

func curveOf(epochs []Epoch, f func(Epoch) float64) []float64 {
	out := make([]float64, len(epochs))
	for i, e := range epochs {
		out[i] = f(e)
	}
	return out
}

func trainAccuracy(e Epoch) float64 { return asPercent(e.Accuracy) }

func valLoss(e Epoch) float64 {
	if !validated(e) {
		return math.NaN()
	}
	return e.ValLoss
}

func valAccuracy(e Epoch) float64 {
	if !validated(e) {
		return math.NaN()
	}
	return asPercent(e.ValAccuracy)
}

func validated(e Epoch) bool { return e.ValLoss != 0 && drawable(e.ValLoss) }

func asPercent(v float64) float64 {
	if !isShare(v) {
		return math.NaN()
	}
	return 100 * v
}

func onePercent(v float64) string { return percent(v / 100) }

func lossAxis(lo, hi float64) axis { return roundAxis(min(lo, 0), hi, 5) }

func accuracyAxis(lo, hi float64) axis { return roundAxis(lo, hi, 5).within(0, 100) }

// chart draws the curve; nil when no epoch has a value.
func (cv curve) chart(epochs int, stretches []stretch) *chart {
	lo, hi, ok := span(append(append([]float64(nil), cv.train...), cv.val...)...)
	if !ok {
		return nil
	}
	x, y := countAxis(epochs, 7), cv.scale(lo, hi)
	c := newChart(fmt.Sprintf("%s over %s", cv.name, plural(epochs, "epoch")), "epoch", cv.axis, bandedTop, &x, &y)
	c.phases(stretches, x)
	cv.draw(c, "train", "training", square, cv.train, stretches, x, y)
	cv.draw(c, "val", "validation", dot, cv.val, stretches, x, y)
	return c
}

// draw adds one series with its key, unless it is empty.
func (cv curve) draw(c *chart, class, name string, shape func(x, y px) string, values []float64, stretches []stretch, x, y axis) {
	if _, _, ok := span(values...); !ok {
		return
	}
	var vs []vertex
	for _, s := range stretches {
		for i := s.first; i <= s.last; i++ {
			title := fmt.Sprintf("epoch %d (%s): %s %s %s", i, s.name, name, cv.name, cv.format(values[i-1]))
			vs = append(vs, vertex{float64(i), values[i-1], title})
		}
	}
	c.series(class, shape, x, y, vs, len(values) <= mostMarks)
	c.legend(class, name, shape, false)
}

// stretch is a run of epochs of one phase; first and last count from 1.
type stretch struct {
	name        string
	first, last int
	cuts        []int // epochs in it that begin another turn
}

// phases finds the stretches; the turns of pruning are one.
func phases(epochs []Epoch) []stretch {
	var out []stretch
	for i, e := range epochs {
		n := len(out)
		if n == 0 || epochs[i-1].Phase != e.Phase {
			out = append(out, stretch{name: e.Phase, first: i + 1, last: i + 1})
			continue
		}
		out[n-1].last = i + 1
		if epochs[i-1].Turn != e.Turn {
			out[n-1].cuts = append(out[n-1].cuts, i+1)
		}
	}
	return out
}

// phases shades every second stretch, and draws a rule where a turn begins.
func (c *chart) phases(stretches []stretch, x axis) {
	if len(stretches) == 1 && stretches[0].name == "" {
		return
	}
	for i, s := range stretches {
		from, to := x.at(float64(s.first)-0.5), x.at(float64(s.last)+0.5)
		b := band{X: from, Width: to - from, Middle: (from + to) / 2, Title: s.String(), Odd: i%2 == 1}
		if float64(to-from) >= digitWidth*float64(len([]rune(s.name)))+4 {
			b.Label = s.name
		}
		c.Bands = append(c.Bands, b)
		for _, cut := range s.cuts {
			c.Rules = append(c.Rules, x.at(float64(cut)-0.5))
		}
	}
}

// String is the phase with its epochs, "tune (6 to 15)".
func (s stretch) String() string {
	turns := ""
	if n := len(s.cuts); n > 0 {
		turns = fmt.Sprintf(", %d turns", n+1)
	}
	if s.first == s.last {
		return fmt.Sprintf("%s (%d%s)", s.name, s.first, turns)
	}
	return fmt.Sprintf("%s (%d to %d%s)", s.name, s.first, s.last, turns)
}

func phaseList(stretches []stretch) string {
	var names []string
	for _, s := range stretches {
		if s.name == "" {
			return ""
		}
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}
