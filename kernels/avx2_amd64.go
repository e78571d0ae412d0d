//go:build !noasm

package kernels

// avx2 is the set for AVX2 and FMA: x86-64-v3, every desktop and server since about 2015.
func avx2() Set {
	s := Generic()
	s.Name, s.Width = "avx2", 8
	s.PackSize, s.PackB, s.PackBT = packSizeAVX2, packBAVX2, packBTAVX2
	s.Gemm, s.GemmTN = gemmAVX2, gemmTNAVX2
	return s
}
