//go:build !noasm && (amd64 || arm64)

package kernels

// rowsBlock is what the assembly calls for a block of B have in common: total columns of A, from
// column skip of a tap on.
type rowsBlock struct {
	rows                *Rows
	a                   *float32
	k, tap, skip, total int
	acc                 bool
}

// newRowsBlock is columns lo to hi of A. If all taps lie outside there may be no a at all.
func newRowsBlock(rows *Rows, a []float32, k, lo, hi int, acc bool) rowsBlock {
	g := rowsBlock{rows: rows, a: &zeros[0], k: k, tap: lo / k, skip: lo % k, total: hi - lo, acc: acc}
	if rows.max >= 0 {
		g.a = &a[0]
	}
	return g
}

// at is where the table has the first tap of a row.
func (g *rowsBlock) at(row int) *int32 { return &g.rows.off[g.tap*g.rows.Len+row] }

// packRows packs k rows from first on, of each the w floats from column j of a tap on, filled up
// with zeros to cols.
func packRows(dst, b []float32, rows *Rows, first, tap, k, j, w, cols int) {
	off := rows.off[tap*rows.Len+first:][:k]
	for p, o := range off {
		row := dst[p*cols:][:cols]
		if o < 0 {
			clear(row)
			continue
		}
		packPanel(row, b[int(o)+j:], 0, 1, w, cols)
	}
}
