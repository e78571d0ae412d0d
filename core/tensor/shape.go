// Package tensor holds what every other package means by a tensor: a shape, float32 values in
// row-major order, and the *tensor.Dense of gorgonia.org/tensor as the type that crosses
// package borders.
package tensor

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// MaxElems bounds the number of elements of one tensor: 2^31-1 floats are 8 GiB, more than any
// box this runs on can hold.
const MaxElems = 1<<31 - 1

// Shape is the length of each axis as memory holds it: N×H×W×C for activations, O×KH×KW×I for
// convolution weights, N×F for vectors, empty for a scalar.
type Shape []int

// Elems is the number of elements. It panics on a shape that Check refuses.
func (s Shape) Elems() int {
	n, err := s.elems()
	if err != nil {
		panic(err)
	}
	return n
}

// Check refuses lengths below one and products above MaxElems.
func (s Shape) Check() error {
	_, err := s.elems()
	return err
}

func (s Shape) elems() (int, error) {
	n := uint64(1)
	for _, d := range s {
		if d < 1 {
			return 0, fmt.Errorf("shape %v has an axis of length %d, want at least 1", s, d)
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > MaxElems {
			return 0, fmt.Errorf("shape %v has more than %d elements", s, MaxElems)
		}
		n = lo
	}
	return int(n), nil
}

// Equal reports whether both shapes have the same axes.
func (s Shape) Equal(t Shape) bool {
	if len(s) != len(t) {
		return false
	}
	for i, d := range s {
		if d != t[i] {
			return false
		}
	}
	return true
}

// Clone is a copy that shares nothing.
func (s Shape) Clone() Shape { return append(Shape(nil), s...) }

// Channels is the length of the last axis, 1 for a scalar.
func (s Shape) Channels() int {
	if len(s) == 0 {
		return 1
	}
	return s[len(s)-1]
}

// Rows is the number of elements divided by Channels: the pixels of a batch.
func (s Shape) Rows() int { return s.Elems() / s.Channels() }

// String is the axes joined by ×, as in 8×56×56×64.
func (s Shape) String() string {
	if len(s) == 0 {
		return "scalar"
	}
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
	}
	return strings.Join(parts, "×")
}
