//go:build !noasm

package kernels

// neonInOrder is neon with the products and depthwise convolutions scheduled for cores that issue in order: Cortex-A53 and A55.
func neonInOrder() Set {
	s := neon()
	s.Name = "neon-inorder"
	s.Gemm, s.GemmTN = inOrderTiles.gemm, inOrderTiles.gemmTN
	s.Implicit = neonImplicit(inOrderTiles)
	s.DepthwiseRow, s.DepthwiseGrad = inOrderTiles.depthwiseRow, inOrderTiles.depthwiseGrad
	s.Ended = s.apart()
	return s
}
