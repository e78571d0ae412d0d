//go:build !noasm

package kernels

func avx2Norm() Norm {
	return Norm{Normalize: normalizeAVX2, NormalizeAdd: normalizeAddAVX2, NormalizeSums: normalizeSumsAVX2,
		NormalizeGrad: normalizeGradAVX2, ColMoments: colMomentsAVX2}
}
