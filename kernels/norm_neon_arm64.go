//go:build !noasm

package kernels

func neonNorm() Norm {
	return Norm{Normalize: normalizeNEON, NormalizeAdd: normalizeAddNEON, NormalizeSums: normalizeSumsNEON,
		NormalizeGrad: normalizeGradNEON, ColMoments: colMomentsNEON}
}
