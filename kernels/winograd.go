package kernels

// Winograd is the transforms of Winograd's minimal filtering F(4×4, 3×3) with the points 0, 1, -1,
// ½, -2 and ∞ (Lavin and Gray 2016, arXiv:1509.09308; the points of Barabasz et al. 2020, whose
// errors are a third smaller than with ±2). A tile of 4×4 outputs y of a 3×3 filter g over 6×6
// inputs d is, element by element and summed over input channels,
//
//	y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A
//
// and the gradient of the filter, by transposing that map,
//
//	dg = Gᵀ·[(A·dy·Aᵀ) ⊙ (Bᵀ·d·B)]·G.
//
// Every function transforms one tile for c channels, which lie side by side: element (i, j) of x
// begins at x[i*xr+j*xc], of y at y[i*yr+j*yc]. x and y must not overlap.
type Winograd struct {
	WinogradData     func(y []float32, yr, yc int, x []float32, xr, xc, c int) // y = Bᵀ·x·B, 6×6 from 6×6
	WinogradFilter   func(y []float32, yr, yc int, x []float32, xr, xc, c int) // y = G·x·Gᵀ, 6×6 from 3×3
	WinogradInverse  func(y []float32, yr, yc int, x []float32, xr, xc, c int) // y = Aᵀ·x·A, 4×4 from 6×6
	WinogradInverseT func(y []float32, yr, yc int, x []float32, xr, xc, c int) // y = A·x·Aᵀ, 6×6 from 4×4
	WinogradFilterT  func(y []float32, yr, yc int, x []float32, xr, xc, c int) // y = Gᵀ·x·G, 3×3 from 6×6
}

// The matrices of F(4×4, 3×3), and what is transposed.
var (
	winogradB = [][]float32{ // Bᵀ
		{1, -1.5, -2, 1.5, 1, 0},
		{0, -1, 0.5, 2.5, 1, 0},
		{0, 1, -2.5, 0.5, 1, 0},
		{0, -2, -1, 2, 1, 0},
		{0, 0.5, -1, -0.5, 1, 0},
		{0, 1, -1.5, -2, 1.5, 1},
	}
	winogradG = [][]float32{
		{1, 0, 0},
		{1. / 3, 1. / 3, 1. / 3},
		{-1. / 3, 1. / 3, -1. / 3},
		{-16. / 15, -8. / 15, -4. / 15},
		{1. / 15, -2. / 15, 4. / 15},
		{0, 0, 1},
	}
	winogradA = [][]float32{ // Aᵀ
		{1, 1, 1, 1, 1, 0},
		{0, 1, -1, 0.5, -2, 0},
		{0, 1, 1, 0.25, 4, 0},
		{0, 1, -1, 0.125, -8, 1},
	}
	winogradGT = transposed(winogradG)
	winogradAT = transposed(winogradA)
)

func transposed(m [][]float32) [][]float32 {
	t := make([][]float32, len(m[0]))
	for j := range t {
		for i := range m {
			t[j] = append(t[j], m[i][j])
		}
	}
	return t
}

func genericWinograd() Winograd {
	return Winograd{
		WinogradData: winogradData, WinogradFilter: winogradFilter, WinogradInverse: winogradInverse,
		WinogradInverseT: winogradInverseT, WinogradFilterT: winogradFilterT,
	}
}

func winogradData(y []float32, yr, yc int, x []float32, xr, xc, c int) {
	transform(winogradB, y, yr, yc, x, xr, xc, c)
}

func winogradFilter(y []float32, yr, yc int, x []float32, xr, xc, c int) {
	transform(winogradG, y, yr, yc, x, xr, xc, c)
}

func winogradInverse(y []float32, yr, yc int, x []float32, xr, xc, c int) {
	transform(winogradA, y, yr, yc, x, xr, xc, c)
}

func winogradInverseT(y []float32, yr, yc int, x []float32, xr, xc, c int) {
	transform(winogradAT, y, yr, yc, x, xr, xc, c)
}

func winogradFilterT(y []float32, yr, yc int, x []float32, xr, xc, c int) {
	transform(winogradGT, y, yr, yc, x, xr, xc, c)
}

// transform is y = L·x·Lᵀ, channel by channel. An element that L does not use is not touched: a
// NaN in it stays out of the result.
func transform(l [][]float32, y []float32, yr, yc int, x []float32, xr, xc, c int) {
	checkTile(y, yr, yc, len(l), c)
	checkTile(x, xr, xc, len(l[0]), c)
	for ch := range c {
		var half [6][6]float32 // L·x
		for i, row := range l {
			for j := range l[0] {
				half[i][j] = combine(row, x[j*xc+ch:], xr)
			}
		}
		for i := range l {
			for j, row := range l {
				y[i*yr+j*yc+ch] = combine(row, half[i][:], 1)
			}
		}
	}
}

// combine is the sum of l[k]·x[k*step].
func combine(l, x []float32, step int) (sum float32) {
	for k, s := range l {
		if s != 0 {
			sum += s * x[k*step]
		}
	}
	return sum
}

// checkTile panics if n×n pixels of c channels do not fit their slice: assembly would not see it.
func checkTile(x []float32, rows, cols, n, c int) {
	if c > 0 {
		_ = x[(n-1)*(rows+cols)+c-1]
	}
}
