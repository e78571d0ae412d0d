package tensor

import (
	"fmt"

	_ "go4.org/unsafe/assume-no-moving-gc" // pinned in go.mod: the version that gorgonia selects panics on Go ≥ 1.20
	gorgonia "gorgonia.org/tensor"
)

// Wrap is data as a dense tensor over the same memory, with our engine. len(data) must be the
// number of elements of s. An empty shape becomes a vector of one.
func Wrap(data []float32, s Shape) *gorgonia.Dense {
	if len(s) == 0 {
		s = Shape{1}
	}
	if len(data) != s.Elems() {
		panic(fmt.Errorf("tensor: %d values for shape %v", len(data), s))
	}
	return gorgonia.New(gorgonia.WithShape(s...), gorgonia.WithBacking(data), gorgonia.WithEngine(Engine{}))
}

// Values is the memory of a dense tensor that was made elsewhere. It refuses what the loops cannot
// read: another dtype, a view with gaps, column-major order, a mask.
func Values(d *gorgonia.Dense) ([]float32, Shape, error) {
	switch {
	case d.Dtype() != gorgonia.Float32:
		return nil, nil, fmt.Errorf("tensor holds %v, want float32", d.Dtype())
	case d.IsMasked():
		return nil, nil, fmt.Errorf("tensor is masked, want a plain one")
	case d.RequiresIterator() || !d.DataOrder().IsContiguous() || d.DataOrder().IsColMajor():
		return nil, nil, fmt.Errorf("tensor of shape %v is a view with gaps or not row-major, want contiguous rows", d.Shape())
	}
	s := make(Shape, len(d.Shape()))
	copy(s, d.Shape())
	if len(s) == 0 {
		return []float32{d.Float32s()[0]}, s, nil
	}
	return d.Float32s()[:s.Elems()], s, nil
}
