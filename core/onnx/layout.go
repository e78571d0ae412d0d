package onnx

import "github.com/secateur/secateur/core/tensor"

// Outside is the shape that ONNX sees: N×H×W×C becomes N×C×H×W, O×KH×KW×I becomes O×I×KH×KW.
func Outside(s tensor.Shape) []int {
	out := make([]int, len(s))
	for k, axis := range natural(len(s)) {
		out[axis] = s[k]
	}
	return out
}

// sameOutside reports whether a tensor of shape s has one memory order inside and outside.
func sameOutside(s tensor.Shape) bool {
	return len(s) != 4 || s[3] == 1 || s[1]*s[2] == 1
}

// outsideAxis is ONNX's number of axis k of a tensor of that rank.
func outsideAxis(rank, k int) int64 { return int64(natural(rank)[k]) }

// ToNCHW writes src, of shape s in our order, to dst in ONNX's. Ranks other than 4 have one order.
func ToNCHW(dst, src []float32, s tensor.Shape) {
	if sameOutside(s) {
		copy(dst, src)
		return
	}
	images(s, func(in, out int) { dst[out] = src[in] })
}

// FromNCHW writes src, in ONNX's order, to dst of shape s in ours.
func FromNCHW(dst, src []float32, s tensor.Shape) {
	if sameOutside(s) {
		copy(dst, src)
		return
	}
	images(s, func(in, out int) { dst[in] = src[out] })
}

// images calls f with the place of every element of N×H×W×C inside, and outside as N×C×H×W.
func images(s tensor.Shape, f func(in, out int)) {
	hw, c := s[1]*s[2], s[3]
	in := 0
	for n := range s[0] {
		for p := range hw {
			for j := range c {
				f(in, (n*c+j)*hw+p)
				in++
			}
		}
	}
}
