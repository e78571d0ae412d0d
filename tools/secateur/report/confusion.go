package report

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

const (
	largestMatrix = 40 // classes that a matrix still shows
	mostPairs     = 8  // lines in the list of mistakes
)

// confusedView shows what was taken for what.
type confusedView struct {
	Matrices      []*matrix
	Dense, Pruned bool
	Pairs         []pair
}

// pair is a mistake and how often each network made it.
type pair struct {
	True, Predicted string
	Dense, Pruned   int
}

func newConfused(dense, pruned *Result) *confusedView {
	v := &confusedView{Dense: hasConfusion(dense), Pruned: hasConfusion(pruned)}
	if v.Dense {
		v.add("Dense", dense)
	}
	if v.Pruned {
		v.add("Pruned", pruned)
	}
	v.Pairs = pairs(dense, pruned)
	if len(v.Matrices) == 0 && len(v.Pairs) == 0 {
		return nil
	}
	return v
}

func hasConfusion(r *Result) bool { return r != nil && len(r.Confusion) > 0 }

func (v *confusedView) add(title string, r *Result) {
	if len(r.Confusion) <= largestMatrix {
		v.Matrices = append(v.Matrices, newMatrix(title, r))
	}
}

// pairs are the most frequent mistakes of both networks together.
func pairs(dense, pruned *Result) []pair {
	found := map[[2]string]*pair{}
	var order []*pair
	gather := func(r *Result, add func(p *pair, n int)) {
		for i, row := range orEmpty(r).Confusion {
			for j, n := range row {
				if i == j || n <= 0 {
					continue
				}
				k := [2]string{r.class(i), r.class(j)}
				if found[k] == nil {
					found[k] = &pair{True: k[0], Predicted: k[1]}
					order = append(order, found[k])
				}
				add(found[k], n)
			}
		}
	}
	gather(dense, func(p *pair, n int) { p.Dense += n })
	gather(pruned, func(p *pair, n int) { p.Pruned += n })
	sort.SliceStable(order, func(i, j int) bool { return order[i].Dense+order[i].Pruned > order[j].Dense+order[j].Pruned })
	var out []pair
	for _, p := range order[:min(len(order), mostPairs)] {
		out = append(out, *p)
	}
	return out
}

// matrix is a laid-out confusion matrix: a row a true class, a column a predicted one.
type matrix struct {
	Title, Label        string
	Width, Height, Side px // Side of a cell
	NameFont, Font      px // of names and counts; Font 0: no counts
	Left, Top           px
	Right, Bottom       px
	Rows, Cols          []matrixName
	Cells               []matrixCell
}

type matrixName struct {
	X, Y        px
	Short, Full string
}

// matrixCell is a count above 0, shaded by its share of the row.
type matrixCell struct {
	X, Y, MidX, MidY px
	Opacity          string
	Class, Dark      string
	Text, Title      string
}

// newMatrix lays a matrix out in the width of a chart, at most 36 units a cell.
func newMatrix(title string, r *Result) *matrix {
	var names []string
	for i := range r.Confusion {
		names = append(names, r.class(i))
	}
	m := emptyMatrix(title, names)
	m.Font = countFont(r.Confusion, m.Side)
	right, all := m.fill(r)
	m.Label = fmt.Sprintf("Confusion matrix of the %s network, true classes as rows, predicted ones as columns: %d of %d right", strings.ToLower(title), right, all)
	return m
}

// emptyMatrix is a square matrix with names at its edges and nothing in it.
func emptyMatrix(title string, names []string) *matrix {
	longest := 0
	for _, name := range names {
		longest = max(longest, len([]rune(shorten(name))))
	}
	k, room := px(len(names)), px(6*float64(longest))+20
	side := min(36, (chartWidth-room-2)/k)
	m := &matrix{Title: title, Side: side, Left: room, Top: room, Right: room + side*k, Bottom: room + side*k}
	m.Width, m.Height, m.NameFont = chartWidth, m.Bottom+2, min(11, 0.95*side)
	for i, name := range names {
		at := m.Left + m.Side*(px(i)+0.5) + 0.32*m.NameFont
		m.Rows = append(m.Rows, matrixName{m.Left - 5, at, shorten(name), name})
		m.Cols = append(m.Cols, matrixName{at, m.Top - 5, shorten(name), name})
	}
	return m
}

// Lattice is the path of the lines between the cells.
func (m *matrix) Lattice() string {
	var d strings.Builder
	for i := range len(m.Rows) + 1 {
		o := m.Side * px(i)
		fmt.Fprintf(&d, "M%s %sH%sM%s %sV%s", m.Left, m.Top+o, m.Right, m.Left+o, m.Top, m.Bottom)
	}
	return d.String()
}

// fill adds the cells, and counts the diagonal and the whole.
func (m *matrix) fill(r *Result) (right, all int) {
	for i, row := range r.Confusion {
		n := 0
		for _, c := range row {
			n += max(c, 0)
		}
		all += n
		for j, c := range row {
			if c <= 0 || j >= len(r.Confusion) {
				continue
			}
			m.Cells = append(m.Cells, m.cell(r, i, j, c, n))
			if i == j {
				right += c
			}
		}
	}
	return right, all
}

// cell is the count c of n images of class i that were called j.
func (m *matrix) cell(r *Result, i, j, c, n int) matrixCell {
	share := float64(c) / float64(n)
	x, y := m.Left+m.Side*px(j), m.Top+m.Side*px(i)
	out := matrixCell{X: x, Y: y, MidX: x + m.Side/2, MidY: y + m.Side/2 + 0.35*m.Font, Class: "wrong"}
	out.Opacity = strconv.FormatFloat(shade(share), 'f', 2, 64)
	verb := "taken for"
	if i == j {
		out.Class, verb = "right", "recognised as"
	}
	if share > 0.5 {
		out.Dark = " dark"
	}
	if m.Font > 0 {
		out.Text = strconv.Itoa(c)
	}
	out.Title = fmt.Sprintf("%s %s %s: %d of %d (%s)", r.class(i), verb, r.class(j), c, n, percent(share))
	return out
}

// countFont is the size at which the longest count fits into a cell, 0 if none can be read.
func countFont(counts [][]int, side px) px {
	longest := 1
	for _, row := range counts {
		for _, n := range row {
			longest = max(longest, len(strconv.Itoa(n)))
		}
	}
	const width = 0.65 // of a digit, in font sizes
	f := min(11, (side-1)/(width*px(longest)))
	if f < 6 {
		return 0
	}
	return f
}

// shade is the opacity of a cell. It leaps at a half, where the number on it changes its colour:
// so that it can be read on light and on dark paper.
func shade(share float64) float64 {
	if share > 0.5 {
		return 0.7 + 0.3*share
	}
	return 0.12 + 0.6*share
}

// shorten cuts the middle out of a class name for the edge of a matrix: names differ at their ends.
func shorten(s string) string {
	const head, tail = 8, 5
	if r := []rune(s); len(r) > head+tail+1 {
		return string(r[:head]) + "…" + string(r[len(r)-tail:])
	}
	return s
}
