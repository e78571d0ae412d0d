package report

import (
	"fmt"
	"math"
)

// overlap is the matrix of the shares of removed filters that selectors have in common; nil where none is known.
func overlap(names []string, shares [][]float64) *matrix {
	if len(names) < 2 || math.IsNaN(shares[0][1]) {
		return nil
	}
	m := emptyMatrix("Agreement", names)
	m.Label = fmt.Sprintf("Removed filters that %d selectors have in common", len(names))
	if m.Font = min(10, m.Side/2.2); m.Font < 6 {
		m.Font = 0
	}
	for i, row := range shares {
		for j, v := range row {
			if !math.IsNaN(v) {
				m.Cells = append(m.Cells, m.share(i, j, v, names))
			}
		}
	}
	return m
}

func (m *matrix) share(i, j int, v float64, names []string) matrixCell {
	c := m.correlation(i, j, shade(v), names)
	c.Title = fmt.Sprintf("%s and %s: %s of the filters that either removed", names[i], names[j], percent(v))
	c.MidX, c.MidY = c.X+m.Side/2, c.Y+m.Side/2+0.35*m.Font
	if v > 0.5 {
		c.Dark = " dark"
	}
	if m.Font > 0 {
		c.Text = fmt.Sprintf("%.0f", 100*v)
	}
	return c
}
