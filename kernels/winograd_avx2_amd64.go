//go:build !noasm

package kernels

func winogradAVX2() Winograd {
	return Winograd{
		WinogradData: winogradDataAVX2, WinogradFilter: winogradFilterAVX2, WinogradInverse: winogradInverseAVX2,
		WinogradInverseT: winogradInverseTAVX2, WinogradFilterT: winogradFilterTAVX2,
	}
}
