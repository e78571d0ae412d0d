//go:build !noasm

package kernels

// avx2 is the set for AVX2 and FMA: x86-64-v3, every desktop and server since about 2015.
func avx2() Set {
	s := Generic()
	s.Name, s.Width = "avx2", 8
	s.PackSize, s.PackB, s.PackBT = packSizeAVX2, packBAVX2, packBTAVX2
	s.Gemm, s.GemmTN = gemmAVX2, gemmTNAVX2
	s.GemmNT64, s.Gemv64 = gemmNT64AVX2, gemv64AVX2
	s.Implicit = avx2Implicit()
	s.Yardstick = Yardstick{peakF32AVX2, loadsF32AVX2, 12 * 8 * 2}
	s.DepthwiseRow, s.DepthwiseGrad = depthwiseRowAVX2, depthwiseGradAVX2
	s.Fetch = fetchAVX2
	s.Winograd = winogradAVX2()
	s.Fill, s.Add, s.Sub, s.Mul, s.Div = fillAVX2, addAVX2, subAVX2, mulAVX2, divAVX2
	s.Axpy, s.Scale, s.MulAdd = axpyAVX2, scaleAVX2, mulAddAVX2
	s.Clip, s.ClipGrad, s.MulClip = clipAVX2, clipGradAVX2, mulClipAVX2
	s.DivClip, s.Abs, s.MulSigned, s.ShareRow = divClipAVX2, absAVX2, mulSignedAVX2, shareRowAVX2
	s.ScaleShift, s.AddRow, s.MulRow = scaleShiftAVX2, addRowAVX2, mulRowAVX2
	s.ColSum, s.ColDot = colSumAVX2, colDotAVX2
	s.Sum, s.SumSq, s.Dot = sumAVX2, sumSqAVX2, dotAVX2
	s.SGD, s.AdamW = sgdAVX2, adamWStepAVX2
	s.Norm = avx2Norm()
	s.Finish, s.Ended = finishAVX2(), endedAVX2()
	s.Pooling, s.Activation, s.Pixels = poolingAVX2(), activationAVX2(), pixelsAVX2()
	s.Across = acrossAVX2
	return s
}
