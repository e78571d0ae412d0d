//go:build !noasm

package kernels

// Tiles of the float64 product are 4×12: as in the tiles of 4×24, twelve vectors of sums. Panels of B are
// copied column beside column, some at a time, and a few rows of A go through all of these: what they add to in C
// lies side by side.
const (
	rows64AVX2   = 4
	cols64AVX2   = 12
	k64AVX2      = 128 // rows of a panel: 12 KiB, in the first-level cache
	panels64AVX2 = 4
	near64AVX2   = 16 // rows of A: 16 KiB, beside a panel there
	tiles64AVX2  = 64 // of one assembly call: about 15 µs
)

// space64 is some panels of B.
type space64 [panels64AVX2][k64AVX2 * cols64AVX2]float64

var spaces64 spaces[space64]

func gemmNT64AVX2(c []float64, ldc int, a []float64, lda int, b []float64, ldb int, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, m, k)
	checkMatrix(b, ldb, n, k)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	panels := spaces64.take()
	defer spaces64.give(panels)
	parts := blocks(k, k64AVX2)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; j += panels64AVX2 * cols64AVX2 {
			cols := min(panels64AVX2*cols64AVX2, n-j)
			for q := range cols {
				column64(panels[q/cols64AVX2][q%cols64AVX2:], b[(j+q)*ldb+lo:][:hi-lo])
			}
			for r := 0; r < m; r += near64AVX2 {
				panels64(c[r*ldc+j:], ldc, a[r*lda+lo:], lda, panels, min(near64AVX2, m-r), cols, hi-lo, acc || i > 0)
			}
		}
	}
}

// panels64 is m rows of A times n columns in panels.
func panels64(c []float64, ldc int, a []float64, lda int, panels *space64, m, n, k int, acc bool) {
	for j := 0; j < n; j += cols64AVX2 {
		if panel := panels[j/cols64AVX2][:]; n-j < cols64AVX2 {
			rest64AVX2(c[j:], ldc, a, lda, panel, m, n-j, k, acc)
		} else {
			panel64AVX2(c[j:], ldc, a, lda, panel, m, k, acc)
		}
	}
}

// column64 is a column of a panel.
func column64(panel, b []float64) {
	for p, v := range b {
		panel[p*cols64AVX2] = v
	}
}

// panel64AVX2 is m rows of A times one panel.
func panel64AVX2(c []float64, ldc int, a []float64, lda int, panel []float64, m, k int, acc bool) {
	for i := 0; i < m; {
		rows, tiles := min(rows64AVX2, m-i), 1
		if rows == rows64AVX2 {
			tiles = min((m-i)/rows, tiles64AVX2)
		}
		gemmNTF64AVX2Tile(rows, &c[i*ldc], ldc, &a[i*lda], lda, &panel[0], k, tiles, acc)
		i += rows * tiles
	}
}

// rest64AVX2 is the same for a last panel of n columns: tiles go through a whole one beside C. What lies in the
// other columns of the panel does not matter.
func rest64AVX2(c []float64, ldc int, a []float64, lda int, panel []float64, m, n, k int, acc bool) {
	var part [rows64AVX2 * cols64AVX2]float64
	for i := 0; i < m; i += rows64AVX2 {
		rows := min(rows64AVX2, m-i)
		gemmNTF64AVX2Tile(rows, &part[0], cols64AVX2, &a[i*lda], lda, &panel[0], k, 1, false)
		for r := range rows {
			store64(c[(i+r)*ldc:][:n], part[r*cols64AVX2:], acc)
		}
	}
}

func gemv64AVX2(y, a []float64, lda int, x []float64, m, k int) {
	checkMatrix(y, 0, 1, m)
	checkMatrix(a, lda, m, k)
	checkMatrix(x, 0, 1, k)
	if k == 0 {
		clear(y[:m])
		return
	}
	most := max(1, 1<<14/k)
	for i := 0; i < m; {
		rows, tiles := min(rows64AVX2, m-i), 1
		if rows == rows64AVX2 {
			tiles = min((m-i)/rows, most)
		}
		gemvF64AVX2Rows(rows, &y[i], &a[i*lda], lda, &x[0], k, tiles)
		i += rows * tiles
	}
}
