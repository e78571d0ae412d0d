//go:build !noasm

package kernels

func avx512Norm() Norm {
	return Norm{Normalize: normalizeAVX512, NormalizeAdd: normalizeAddAVX512, NormalizeSums: normalizeSumsAVX512,
		NormalizeGrad: normalizeGradAVX512, ColMoments: colMomentsAVX512}
}
