//go:build !noasm

package kernels

// neon is the set for ARMv8.0: every 64-bit ARM has it. The schedule is for out-of-order cores.
func neon() Set {
	s := Generic()
	s.Name, s.Width = "neon", 8
	s.PackSize, s.PackB, s.PackBT = packSizeNEON, packBNEON, packBTNEON
	s.Gemm, s.GemmTN = outOfOrderTiles.gemm, outOfOrderTiles.gemmTN
	s.Implicit = neonImplicit(outOfOrderTiles)
	s.Yardstick = yardstick(peakF32NEON, 24*4*2)
	s.DepthwiseRow, s.DepthwiseGrad = outOfOrderTiles.depthwiseRow, outOfOrderTiles.depthwiseGrad
	s.Winograd = winogradNEON()
	s.Fill, s.Add, s.Sub, s.Mul, s.Div = fillNEON, addNEON, subNEON, mulNEON, divNEON
	s.Axpy, s.Scale, s.MulAdd = axpyNEON, scaleNEON, mulAddNEON
	s.Clip, s.ClipGrad, s.MulClip = clipNEON, clipGradNEON, mulClipNEON
	s.DivClip, s.Abs, s.MulSigned, s.ShareRow = divClipNEON, absNEON, mulSignedNEON, shareRowNEON
	s.ScaleShift, s.AddRow, s.MulRow = scaleShiftNEON, addRowNEON, mulRowNEON
	s.ColSum, s.ColDot = colSumNEON, colDotNEON
	s.Sum, s.SumSq, s.Dot = sumNEON, sumSqNEON, dotNEON
	s.SGD, s.AdamW = sgdNEON, adamWStepNEON
	s.Norm = neonNorm()
	s.Finish = finishNEON()
	s.Pooling, s.Activation, s.Pixels = poolingNEON(), activationNEON(), pixelsNEON()
	s.Across = acrossNEON
	s.Ended = s.apart()
	return s
}
