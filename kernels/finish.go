package kernels

// Finish ends a part of a product while it is in the cache: m rows of len(b) columns, ld apart.
type Finish struct {
	// BiasClip is y = min(max(y + b, lo), hi), b per column. NaN stays NaN.
	BiasClip func(y []float32, ld int, b []float32, m int, lo, hi float32)
	// BiasAddClip is y = min(max(y + b + r, lo), hi): a residual, which lies like y.
	BiasAddClip func(y []float32, ld int, b, r []float32, m int, lo, hi float32)
	// BiasHardSwish, BiasHardSigmoid and BiasSilu are these activations of y + b, with the bits of
	// AddRow and the activation one after the other.
	BiasHardSwish   func(y []float32, ld int, b []float32, m int)
	BiasHardSigmoid func(y []float32, ld int, b []float32, m int, alpha, beta float32)
	BiasSilu        func(y []float32, ld int, b []float32, m int)
}

func genericFinish() Finish {
	return Finish{BiasClip: biasClip, BiasAddClip: biasAddClip, BiasHardSwish: biasHardSwish,
		BiasHardSigmoid: biasHardSigmoid, BiasSilu: biasSilu}
}

func biasClip(y []float32, ld int, b []float32, m int, lo, hi float32) {
	for i := range m {
		row := y[i*ld:][:len(b)]
		for j, v := range b {
			row[j] = clipped(row[j]+v, lo, hi)
		}
	}
}

func biasAddClip(y []float32, ld int, b, r []float32, m int, lo, hi float32) {
	for i := range m {
		row, rest := y[i*ld:][:len(b)], r[i*ld:][:len(b)]
		for j, v := range b {
			row[j] = clipped(row[j]+v+rest[j], lo, hi)
		}
	}
}

// biased calls f with each row of y + b.
func biased(y []float32, ld int, b []float32, m int, f func(row []float32)) {
	for i := range m {
		row := y[i*ld:][:len(b)]
		add(row, row, b)
		f(row)
	}
}

func biasHardSwish(y []float32, ld int, b []float32, m int) {
	biased(y, ld, b, m, func(row []float32) { hardSwish(row, row) })
}

func biasHardSigmoid(y []float32, ld int, b []float32, m int, alpha, beta float32) {
	biased(y, ld, b, m, func(row []float32) { hardSigmoid(row, row, alpha, beta) })
}

func biasSilu(y []float32, ld int, b []float32, m int) {
	biased(y, ld, b, m, func(row []float32) { silu(row, row) })
}
