package kernels

// Finish ends a part of a product while it is in the cache: m rows of len(b) columns, ld apart.
type Finish struct {
	// BiasClip is y = min(max(y + b, lo), hi), b per column. NaN stays NaN.
	BiasClip func(y []float32, ld int, b []float32, m int, lo, hi float32)
	// BiasAddClip is y = min(max(y + b + r, lo), hi): a residual, which lies like y.
	BiasAddClip func(y []float32, ld int, b, r []float32, m int, lo, hi float32)
}

func genericFinish() Finish { return Finish{BiasClip: biasClip, BiasAddClip: biasAddClip} }

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
