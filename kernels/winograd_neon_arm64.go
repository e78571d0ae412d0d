//go:build !noasm

package kernels

func winogradNEON() Winograd {
	return Winograd{
		WinogradData: winogradDataNEON, WinogradFilter: winogradFilterNEON, WinogradInverse: winogradInverseNEON,
		WinogradInverseT: winogradInverseTNEON, WinogradFilterT: winogradFilterTNEON,
	}
}
