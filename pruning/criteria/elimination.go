package criteria

import (
	"math"

	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/internal/symmetric"
)

// elimination takes channels away from a layer, the others making up for each: with share_j = [K⁻¹]_ij/[K⁻¹]_ii, the
// weights W_j lose share_j·W_i, and K⁻¹ share_j times its row i. That is a Cholesky factorisation of K⁻¹ that
// chooses its pivots one by one (Golub & Van Loan, §4.2). K⁻¹ and W are brought up to date after some channels, by
// products of rows; until then what these took is kept, and taken off from what is looked at (as LAPACK's dpstrf does).
type elimination struct {
	n, rows int
	place   []int     // of each channel among the n of the block, -1 for those that went before it
	inverse []float64 // n×n, K⁻¹ as it was when the block began, the upper triangle
	w       []float64 // n×rows, the weights then

	norm, diag []float64 // n, of each channel as it is now: Σ w², and its place on the diagonal of K⁻¹
	gone       []int     // places of the channels that went in this block
	took       []float64 // n×eliminated, a column for each of those: its row of K⁻¹ as it was, by the root of its pivot
	gave       []float64 // rows×eliminated, for each: its weights as they were, by that root
	given      []float64 // eliminated×rows, the same
	room       [4][]float64
}

// eliminated is the channels of a block.
const eliminated = 48

// newElimination owns both from now on.
//
//	inverse  c×c
//	w        c×rows
func newElimination(inverse, w []float64, c int) *elimination {
	e := &elimination{n: c, rows: len(w) / c, place: make([]int, c), inverse: inverse, w: w, norm: make([]float64, c), diag: make([]float64, c),
		took: make([]float64, c*eliminated), gave: make([]float64, len(w)/c*eliminated), given: make([]float64, len(w)/c*eliminated)}
	for i := range e.room {
		e.room[i] = make([]float64, max(c, e.rows, eliminated))
	}
	for i := range e.place {
		e.place[i] = i
	}
	e.measure()
	return e
}

// cost is what taking channel i away changes: ‖W_i‖²/[K⁻¹]_ii.
func (e *elimination) cost(i int) float64 {
	at := e.place[i]
	return e.norm[at] / max(e.diag[at], math.SmallestNonzeroFloat64)
}

// remove takes channel i away.
func (e *elimination) remove(i int) {
	if len(e.gone) == eliminated {
		e.settle()
	}
	at, q := e.place[i], len(e.gone)
	before := e.took[at*eliminated:][:q] // what the others of the block took from this one
	took, gave := e.room[0][:e.n], e.given[q*e.rows:][:e.rows]
	symmetric.Row(took, e.inverse, e.n, at)
	e.lessColumns(took, e.took, before)
	copy(gave, e.weights(at))
	e.lessColumns(gave, e.gave, before)
	root := math.Sqrt(took[at])
	divide(took, root)
	divide(gave, root)
	e.lessen(took, gave)
	setColumn(e.took, q, took)
	setColumn(e.gave, q, gave)
	e.gone = append(e.gone, at)
}

// lessColumns takes the columns of x, rows of eliminated of which the first are used, off y, by times each.
func (e *elimination) lessColumns(y, x, by []float64) {
	less := e.room[1][:len(y)]
	tensor.Product(less, x, eliminated, by, len(y), len(by))
	for i, v := range less {
		y[i] -= v
	}
}

func setColumn(x []float64, q int, v []float64) {
	for i, value := range v {
		x[i*eliminated+q] = value
	}
}

// lessen brings norms and diagonal up to date: ‖W_j - t_j·g‖² = ‖W_j‖² - 2·t_j·W_j·g + t_j²·‖g‖².
func (e *elimination) lessen(took, gave []float64) {
	already := e.room[2][:len(e.gone)] // what the weights have lost in this block, times gave
	tensor.Product(already, e.given, e.rows, gave, len(already), e.rows)
	along := e.room[3][:e.n]
	tensor.Product(along, e.w, e.rows, gave, e.n, e.rows)
	e.lessColumns(along, e.took, already)
	size := dot(gave, gave)
	for j, t := range took {
		e.diag[j] -= t * t
		e.norm[j] = max(0, e.norm[j]-t*(2*along[j]-t*size))
	}
}

func (e *elimination) weights(at int) []float64 { return e.w[at*e.rows : (at+1)*e.rows] }

// settle begins a new block: K⁻¹ -= tᵀ·t and W -= t·gave, with what the channels that went took, for those that are left.
func (e *elimination) settle() {
	left := e.shrink()
	less := make([]float64, len(left)*eliminated)
	for i, at := range left {
		own := e.took[i*eliminated : (i+1)*eliminated]
		copy(own, e.took[at*eliminated:])
		for q, v := range own {
			less[i*eliminated+q] = -v
		}
	}
	symmetric.Add(e.inverse, less, e.took, e.n, eliminated)
	tensor.Products(e.w, e.rows, less, eliminated, e.gave, eliminated, e.n, e.rows, eliminated, true)
	e.gone = e.gone[:0]
	e.measure()
}

// shrink leaves out the channels that went, and returns the places of the others.
func (e *elimination) shrink() (left []int) {
	to := make([]int, e.n)
	for _, at := range e.gone {
		to[at] = -1
	}
	for at := range to {
		if to[at] == 0 {
			to[at] = len(left)
			left = append(left, at)
		}
	}
	for i, at := range e.place {
		if at >= 0 {
			e.place[i] = to[at]
		}
	}
	kept := runs(left)
	for i, at := range left {
		to := e.inverse[i*len(left)+i : (i+1)*len(left)]
		for _, r := range kept {
			if r.end > at {
				to = to[copy(to, e.inverse[at*e.n:][max(r.from, at):r.end]):]
			}
		}
		copy(e.w[i*e.rows:(i+1)*e.rows], e.weights(at))
	}
	e.n = len(left)
	e.norm, e.diag = e.norm[:e.n], e.diag[:e.n]
	return left
}

// run is places that follow each other.
type run struct{ from, end int }

// runs are those of ascending places.
func runs(places []int) (list []run) {
	for _, at := range places {
		if last := len(list) - 1; last >= 0 && list[last].end == at {
			list[last].end++
		} else {
			list = append(list, run{at, at + 1})
		}
	}
	return list
}

// measure reads norms and diagonal at the beginning of a block.
func (e *elimination) measure() {
	for at := range e.n {
		e.norm[at], e.diag[at] = dot(e.weights(at), e.weights(at)), e.inverse[at*e.n+at]
	}
}
