//go:build !noasm

package kernels

// avx512 is the set for AVX-512 with F, VL, BW and DQ: servers since 2017, Zen 4 and later. What it has
// no better loop for it takes from avx2. Blocks of k are those of avx2, and so are the bits of the products.
func avx512() Set {
	s := avx2()
	s.Name, s.Width = "avx512", 16
	s.PackSize, s.PackB, s.PackBT = packSizeAVX512, packBAVX512, packBTAVX512
	s.Gemm, s.GemmTN = gemmAVX512, gemmTNAVX512
	s.Implicit = avx512Implicit()
	s.Yardstick = Yardstick{peakF32AVX512, loadsF32AVX512, 24 * 16 * 2}
	s.DepthwiseRow, s.DepthwiseGrad = depthwiseRowAVX512, depthwiseGradAVX512
	s.Fill, s.Add, s.Sub, s.Mul, s.Div = fillAVX512, addAVX512, subAVX512, mulAVX512, divAVX512
	s.Axpy, s.Scale, s.MulAdd = axpyAVX512, scaleAVX512, mulAddAVX512
	s.Clip, s.ClipGrad, s.MulClip = clipAVX512, clipGradAVX512, mulClipAVX512
	s.DivClip, s.Abs, s.MulSigned, s.ShareRow = divClipAVX512, absAVX512, mulSignedAVX512, shareRowAVX512
	s.ScaleShift, s.AddRow, s.MulRow = scaleShiftAVX512, addRowAVX512, mulRowAVX512
	s.ColSum, s.ColDot = colSumAVX512, colDotAVX512
	s.Sum, s.SumSq, s.Dot = sumAVX512, sumSqAVX512, dotAVX512
	s.SGD, s.AdamW = sgdAVX512, adamWStepAVX512
	s.Norm = avx512Norm()
	s.Winograd, s.Finish = winogradAVX512(), finishAVX512()
	s.Pooling, s.Activation, s.Pixels = poolingAVX512(), activationAVX512(), pixelsAVX512()
	s.Across = acrossAVX2 // a pixel is a vector
	s.Ended = s.apart()
	return s
}

// lanes is the mask that lets the first n floats of a vector through, all sixteen from n = 16.
func lanes(n int) int { return 1<<min(n, 16) - 1 }
