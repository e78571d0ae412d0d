//go:build !noasm

package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestAVX512Bits: the products of avx512 are those of avx2, bit by bit, because both add the same
// chains. It says where the CPU lacks AVX-512 that none of its kernels ran.
func TestAVX512Bits(t *testing.T) {
	s, err := ByName("avx512")
	if err != nil {
		t.Skip("skipped: no AVX-512 on this CPU; make test-avx512 tests these kernels in an emulator")
	}
	for _, d := range [][3]int{{1, 1, 1}, {7, 24, 30}, {8, 48, 300}, {49, 100, 330}, {20, 65, 700}} {
		checkSameProduct(t, s, avx2(), d[0], d[1], d[2])
	}
}

func checkSameProduct(t *testing.T, s, other Set, m, n, k int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(m), uint64(n)))
	a, b, want, got := values(r, m*k), values(r, k*n), make([]float32, m*n), make([]float32, m*n)
	for set, c := range map[*Set][]float32{&s: got, &other: want} {
		bp := make([]float32, set.PackSize(k, n))
		set.PackB(bp, b, n, k, n)
		set.Gemm(c, n, a, k, bp, m, n, k, false)
	}
	checkSame(t, fmt.Sprintf("Gemm %d×%d×%d of %s and %s", m, n, k, s.Name, other.Name), got, want)
	s.GemmTN(got, n, a, m, b, n, m, n, k, false)
	other.GemmTN(want, n, a, m, b, n, m, n, k, false)
	checkSame(t, fmt.Sprintf("GemmTN %d×%d×%d of %s and %s", m, n, k, s.Name, other.Name), got, want)
}
