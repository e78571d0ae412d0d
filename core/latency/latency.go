// Package latency predicts how long a network takes for one image from a table of measured times of
// its layers, by geometry and width.
//
// Multiply-adds do not say it: a width that kernels divide badly, or a depthwise convolution bound by memory,
// costs several times what they promise (Radu et al., IISWC 2019, arXiv:2002.08697). So each layer is timed on
// the machine itself, alone, as a plan of one loop, when its width is first asked for; what was measured is
// kept in the user's cache folder.
package latency

import (
	"fmt"
	"time"

	"github.com/secateur/secateur/core/graph"
)

// Timer says how long a network takes for one image.
type Timer func(*graph.Graph) (time.Duration, error)

// Table is the measured times of layers at the knots of their widths.
type Table struct {
	width  int // channels that kernels divide well: widths count in steps of it
	time   Timer
	factor float64
	times  map[string]int64 // ns by layer and widths
	path   string           // of the cache, "" for none
	machine
	fresh bool // something was measured since the cache was read
}

// New is an empty table. width is that of the kernels, kernels.Set.Width.
func New(width int, t Timer) *Table {
	return &Table{width: max(1, width), time: t, factor: 1, times: map[string]int64{}}
}

// Predict is the time of one image through g in nanoseconds: the sum over its convolutions and fully
// connected layers, times what Calibrate found everything else to add. It looks at shapes alone.
func (t *Table) Predict(g *graph.Graph) (int64, error) {
	ns, err := t.layers(g)
	return int64(ns * t.factor), err
}

// Calibrate makes Predict(g) the time that was measured of g as a whole, in nanoseconds.
func (t *Table) Calibrate(g *graph.Graph, measured int64) error {
	ns, err := t.layers(g)
	if err == nil && ns > 0 && measured > 0 {
		t.factor = float64(measured) / ns
	}
	return err
}

// layers is the sum of the layers' times in nanoseconds.
func (t *Table) layers(g *graph.Graph) (sum float64, err error) {
	for _, n := range g.Nodes {
		l, ok := layerOf(n)
		if !ok {
			continue
		}
		ns, err := t.at(l)
		if err != nil {
			return 0, fmt.Errorf("time of %s: %w", n.Name, err)
		}
		sum += ns
	}
	return sum, nil
}
