//go:build !noasm

package kernels

func depthwiseRowNEON(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
	checkMatrix(y, ys, n, c)
	checkMatrix(w, c, len(off), c)
	checkTaps(x, xs, off, n, c)
	if len(off) == 0 && !acc {
		zero(y, ys, n, c)
	}
	vectors := c &^ 7
	if vectors < c && n > 0 && len(off) > 0 {
		depthwiseColumns(y[vectors:], ys, x[vectors:], xs, w[vectors:], c, off, n, c-vectors, acc)
	}
	for t := 0; t < len(off); t += callTaps {
		taps := off[t:min(t+callTaps, len(off))]
		for p := 0; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			depthwiseTapsNEON(y[p*ys:], ys, x[p*xs:], xs, w[t*c:], c, taps, pixels, vectors, acc || t > 0)
		}
	}
}

// depthwiseTapsNEON is what one set of registers can do: up to nine taps of c channels, a
// multiple of 8, with weights ws apart.
func depthwiseTapsNEON(y []float32, ys int, x []float32, xs int, w []float32, ws int, off []int, n, c int, acc bool) {
	for j := 0; j < c; {
		blocks := min((c-j)/8, max(1, callPixels/n))
		depthwiseF32NEONTaps(len(off), &y[j], ys, &x[j], xs, &w[j], ws, &off[0], n, blocks, acc)
		j += 8 * blocks
	}
}

func depthwiseGradNEON(dw []float32, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	checkMatrix(dy, ys, n, c)
	checkMatrix(dw, c, len(off), c)
	checkTaps(x, xs, off, n, c)
	vectors := c &^ 7
	if vectors < c && n > 0 && len(off) > 0 {
		depthwiseGradColumns(dw[vectors:], c, dy[vectors:], ys, x[vectors:], xs, off, n, c-vectors)
	}
	for t := 0; t < len(off); t += callTaps {
		taps := off[t:min(t+callTaps, len(off))]
		for p := 0; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			depthwiseGradTapsNEON(dw[t*c:], c, dy[p*ys:], ys, x[p*xs:], xs, taps, pixels, vectors)
		}
	}
}

func depthwiseGradTapsNEON(dw []float32, ws int, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	for j := 0; j < c; {
		blocks := min((c-j)/8, max(1, callPixels/n))
		depthwiseGradF32NEONTaps(len(off), &dw[j], ws, &dy[j], ys, &x[j], xs, &off[0], n, blocks)
		j += 8 * blocks
	}
}
