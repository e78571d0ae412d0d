package criteria

// divide is y /= by.
func divide(y []float64, by float64) {
	by = 1 / by
	for j := range y {
		y[j] *= by
	}
}

// addTo is y += x.
func addTo(y, x []float64) {
	x = x[:len(y)]
	for i := range y {
		y[i] += x[i]
	}
}

// dot is Σ x·y over the length of x.
func dot(x, y []float64) (sum float64) {
	y = y[:len(x)]
	for j, v := range x {
		sum += v * y[j]
	}
	return sum
}
