//go:build !noasm

package kernels

import (
	"fmt"
	"testing"
)

// BenchmarkTileAVX2 is the micro-kernels alone, with all operands in the first-level cache.
func BenchmarkTileAVX2(b *testing.B) {
	s, err := ByName("avx2")
	if err != nil {
		b.Skip(err)
	}
	const k, calls = 256, 256
	for _, t := range [][2]int{{4, 24}, {6, 16}} {
		rows, cols := t[0], t[1]
		a, bp, c := written(rows*k), written(k*cols), written(rows*cols)
		flops := 2 * float64(rows*cols*k*calls)
		b.Run(fmt.Sprintf("gemm/%dx%d", rows, cols), func(b *testing.B) {
			benchRounds(b, s, flops, func() {
				for range calls {
					gemmF32AVX2Tile(rows, cols, &c[0], cols, &a[0], k, &bp[0], k, 1, nil, nil, 0, 0, false)
				}
			})
		})
		b.Run(fmt.Sprintf("gemmTN/%dx%d", rows, cols), func(b *testing.B) {
			benchRounds(b, s, flops, func() {
				for range calls {
					gemmTNF32AVX2Tile(rows, cols, &c[0], cols, &a[0], rows, &bp[0], cols, k, 1, rows, nil, 0, nil, false)
				}
			})
		})
	}
}
