package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/study"
)

// curveFamily is the curves of one setting over its budgets, a small chart a selector, random filters behind each.
type curveFamily struct {
	Title  string
	Charts []*chart
}

// curveFamilies gathers curves by setting; all charts of a setting have the same axes.
func curveFamilies(curves []study.Curve) []curveFamily {
	var list []curveFamily
	for len(curves) > 0 {
		n := slices.IndexFunc(curves, func(c study.Curve) bool { return c.Setting != curves[0].Setting })
		if n < 0 {
			n = len(curves)
		}
		list = append(list, newCurveFamily(curves[:n]))
		curves = curves[n:]
	}
	return list
}

func newCurveFamily(curves []study.Curve) curveFamily {
	s := curves[0].Setting
	f := curveFamily{Title: fmt.Sprintf("%s on %s, %s a class: %s, repair %s", s.Model, s.Data, plural(s.Shots, "image"), study.TuningName(s.Tuning), s.Repair)}
	x, y := ratioAxes(curves)
	var random *study.Curve
	if i := slices.IndexFunc(curves, func(c study.Curve) bool { return c.Selector == study.Random }); i >= 0 {
		random = &curves[i]
	}
	for _, c := range curves {
		if c.Selector != study.Random || len(curves) == 1 {
			f.Charts = append(f.Charts, newRatioChart(c, random, x, y))
		}
	}
	return f
}

// ratioAxes hold all points of a setting with their intervals.
func ratioAxes(curves []study.Curve) (x, y axis) {
	left, lo, hi := 1.0, math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for _, p := range c.Points {
			left, lo, hi = math.Min(left, p.MACs), math.Min(lo, p.Low), math.Max(hi, p.High)
		}
	}
	return roundAxis(100*left, 100, 5).within(0, 100), roundAxis(lo, hi, 5).within(0, 100)
}

func newRatioChart(c study.Curve, random *study.Curve, x, y axis) *chart {
	out := newChart(fmt.Sprintf("accuracy of %s over the multiply-adds that are left", c.Selector), "multiply-adds left, %", c.Selector+": accuracy, %", plainTop, &x, &y)
	if random != nil {
		out.ratioSeries("train", square, *random, x, y)
		out.legend("train", "random filters", square, false)
	}
	out.ratioSeries("kept", dot, c, x, y)
	out.legend("kept", c.Selector+", with 95 % interval", dot, false)
	return out
}

// ratioSeries draws a curve with its band.
func (c *chart) ratioSeries(class string, shape func(x, y px) string, curve study.Curve, x, y axis) {
	var vs []vertex
	var there, back []string
	for _, p := range curve.Points {
		at := x.at(100 * p.MACs)
		vs = append(vs, vertex{100 * p.MACs, p.Accuracy, fmt.Sprintf("%s, %.0f %% left: %.1f %%, %.1f to %.1f", curve.Selector, 100*p.MACs, p.Accuracy, p.Low, p.High)})
		there = append(there, at.String()+" "+y.at(p.High).String())
		back = append(back, at.String()+" "+y.at(p.Low).String())
	}
	slices.Reverse(back)
	c.Areas = append(c.Areas, line{class, "M" + strings.Join(append(there, back...), "L") + "z"})
	c.series(class, shape, x, y, vs, true)
}
