//go:build !noasm

package kernels

func depthwiseRowAVX2(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
	checkMatrix(y, ys, n, c)
	checkMatrix(w, c, len(off), c)
	checkTaps(x, xs, off, n, c)
	if len(off) == 0 && !acc {
		zero(y, ys, n, c)
	}
	for t := 0; t < len(off); t += callTaps {
		taps := off[t:min(t+callTaps, len(off))]
		for p := 0; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			depthwiseTapsAVX2(y[p*ys:], ys, x[p*xs:], xs, w[t*c:], taps, pixels, c, acc || t > 0)
		}
	}
}

// depthwiseTapsAVX2 is what one set of registers can do: up to nine taps.
func depthwiseTapsAVX2(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
	most := max(1, callPixels/n)
	for j := 0; j < c; {
		blocks, mask := channelBlocks(c-j, most)
		depthwiseF32AVX2Taps(len(off), &y[j], ys, &x[j], xs, &w[j], c, &off[0], n, blocks, mask, acc)
		j += 8 * blocks
	}
}

func depthwiseGradAVX2(dw []float32, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	checkMatrix(dy, ys, n, c)
	checkMatrix(dw, c, len(off), c)
	checkTaps(x, xs, off, n, c)
	for t := 0; t < len(off); t += callTaps {
		taps := off[t:min(t+callTaps, len(off))]
		for p := 0; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			depthwiseGradTapsAVX2(dw[t*c:], dy[p*ys:], ys, x[p*xs:], xs, taps, pixels, c)
		}
	}
}

func depthwiseGradTapsAVX2(dw []float32, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	most := max(1, callPixels/n)
	for j := 0; j < c; {
		blocks, mask := channelBlocks(c-j, most)
		depthwiseGradF32AVX2Taps(len(off), &dw[j], c, &dy[j], ys, &x[j], xs, &off[0], n, blocks, mask)
		j += 8 * blocks
	}
}

// channelBlocks is how many blocks of 8 the next call takes of c channels: the last ones, less
// than 8, are a block of their own under a mask.
func channelBlocks(c, most int) (int, *[8]int32) {
	if c < 8 {
		return 1, &avx2Masks[c]
	}
	return min(c/8, most), nil
}
