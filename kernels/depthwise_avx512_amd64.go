//go:build !noasm

package kernels

func depthwiseRowAVX512(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
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
			depthwiseTapsAVX512(y[p*ys:], ys, x[p*xs:], xs, w[t*c:], taps, pixels, c, acc || t > 0)
		}
	}
}

// depthwiseTapsAVX512 is what one set of registers can do: up to nine taps.
func depthwiseTapsAVX512(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
	most := max(1, callPixels/n)
	for j := 0; j < c; {
		blocks, mask := channelBlocks16(c-j, most)
		depthwiseF32AVX512Taps(len(off), &y[j], ys, &x[j], xs, &w[j], c, &off[0], n, blocks, mask, acc)
		j += 16 * blocks
	}
}

func depthwiseGradAVX512(dw []float32, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	checkMatrix(dy, ys, n, c)
	checkMatrix(dw, c, len(off), c)
	checkTaps(x, xs, off, n, c)
	for t := 0; t < len(off); t += callTaps {
		taps := off[t:min(t+callTaps, len(off))]
		for p := 0; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			depthwiseGradTapsAVX512(dw[t*c:], dy[p*ys:], ys, x[p*xs:], xs, taps, pixels, c)
		}
	}
}

func depthwiseGradTapsAVX512(dw []float32, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	most := max(1, callPixels/n)
	for j := 0; j < c; {
		blocks, mask := channelBlocks16(c-j, most)
		depthwiseGradF32AVX512Taps(len(off), &dw[j], c, &dy[j], ys, &x[j], xs, &off[0], n, blocks, mask)
		j += 16 * blocks
	}
}

// channelBlocks16 is how many blocks of 16 the next call takes of c channels, and the mask of all of
// them: the last channels, less than 16, are a block of their own.
func channelBlocks16(c, most int) (blocks, mask int) {
	return max(1, min(c/16, most)), lanes(c)
}
