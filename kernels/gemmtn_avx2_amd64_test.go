//go:build !noasm

package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestPackedTN: what is packed, and whether, changes neither bits nor what is read and written.
func TestPackedTN(t *testing.T) {
	if _, err := ByName("avx2"); err != nil {
		t.Skip(err)
	}
	for m := 1; m <= 17; m++ {
		for n := 1; n <= 50; n++ {
			checkPackedTN(t, m, n, (m*7+n*3)%21+1)
		}
	}
	for _, d := range [][3]int{{40, 144, 205}, {150, 72, 201}, {333, 40, 197}, {24, 152, 410}, {1024, 48, 7}, {16, 1024, 33}, {65, 149, 800}} {
		checkPackedTN(t, d[0], d[1], d[2])
	}
}

func checkPackedTN(t *testing.T, m, n, k int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(m*1000+n), uint64(k)))
	for _, pad := range []int{0, 3} {
		a, b, c := randomMatrix(r, k, m, pad), randomMatrix(r, k, n, pad), randomMatrix(r, m, n, 1)
		for _, acc := range []bool{false, true} {
			packed, plain := c.clone(), c.clone()
			g := tnBlock{a: a.x, lda: a.ld, m: m, b: b.x, ldb: b.ld, n: n, acc: acc, panel: make([]float32, avx2TNK*24)}
			g.blocks(plain.x, plain.ld, k)
			g.packed = make([]float32, avx2TNWork)
			g.blocks(packed.x, packed.ld, k)
			name := fmt.Sprintf("%dx%dx%d pad %d acc %v", m, n, k, pad, acc)
			packed.checkIs(t, name, plain)
		}
	}
}

// TestTurnedTN: a product that is made the other way round has the same bits, and writes nothing else.
func TestTurnedTN(t *testing.T) {
	if _, err := ByName("avx2"); err != nil {
		t.Skip(err)
	}
	turned := 0
	for _, m := range []int{16, 48, 80, 96} {
		for n := 1; n < 48; n++ {
			k := avx2TNK + (m+n)%7*40
			if !tnTurns(m, n, k) {
				continue
			}
			turned++
			r := rand.New(rand.NewPCG(uint64(m), uint64(n)))
			a, b, c := randomMatrix(r, k, m, n%4), randomMatrix(r, k, n, n%3), randomMatrix(r, m, n, n%5)
			for _, acc := range []bool{false, true} {
				got, want := c.clone(), c.clone()
				gemmTNAVX2(got.x, got.ld, a.x, a.ld, b.x, b.ld, m, n, k, acc)
				g := tnBlock{a: a.x, lda: a.ld, m: m, b: b.x, ldb: b.ld, n: n, acc: acc}
				g.product(want.x, want.ld, k)
				got.checkIs(t, fmt.Sprintf("%dx%dx%d acc %v", m, n, k, acc), want)
			}
		}
	}
	if turned < 100 {
		t.Errorf("%d products were turned, want most of them", turned)
	}
}
