//go:build !noasm

package kernels

// windowPixels is the number of pixels of a strip that a kernel for windows makes.
const windowPixels = 6

// windowChannels is the number of channels from which on a call for each strip pays.
const windowChannels = 32

// fits reports whether there are kernels for the window of c channels.
func (w depthwiseWindow) fits(c int) bool {
	return w.width == 3 && (w.rows == 2 || w.rows == 3) && c >= windowChannels
}

func depthwiseRowAVX2(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
	checkMatrix(y, ys, n, c)
	checkMatrix(w, c, len(off), c)
	checkTaps(x, xs, off, n, c)
	if len(off) == 0 && !acc {
		zero(y, ys, n, c)
	}
	done := 0
	if win := newDepthwiseWindow(off, xs); win.fits(c) && !acc {
		done = c &^ 7
		depthwiseWindowsAVX2(win, y, ys, x, xs, w, c, off, n, done)
	}
	for t := 0; t < len(off); t += callTaps {
		taps := off[t:min(t+callTaps, len(off))]
		for p := 0; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			depthwiseTapsAVX2(y[p*ys:], ys, x[p*xs:], xs, w[t*c:], c, taps, pixels, done, c, acc || t > 0)
		}
	}
}

// depthwiseWindowsAVX2 makes c channels, a multiple of 8, strip after strip.
func depthwiseWindowsAVX2(win depthwiseWindow, y []float32, ys int, x []float32, xs int, w []float32, ws int, off []int, n, c int) {
	for p := 0; p < n && c > 0; p += windowPixels {
		key := min(n-p, windowPixels)<<12 | win.key()
		for j := 0; j < c; j += 8 * tileBlocks {
			depthwiseF32AVX2Window(key, &y[p*ys+j], ys, &x[p*xs+j], &w[j], ws, &off[0], min(c-j, 8*tileBlocks)/8)
		}
	}
}

// depthwiseTapsAVX2 is what one set of registers can do for channels j to c: up to nine taps.
func depthwiseTapsAVX2(y []float32, ys int, x []float32, xs int, w []float32, ws int, off []int, n, j, c int, acc bool) {
	for most := max(1, callPixels/n); j < c; {
		blocks, mask := channelBlocks(c-j, most)
		depthwiseF32AVX2Taps(len(off), &y[j], ys, &x[j], xs, &w[j], ws, &off[0], n, blocks, mask, acc)
		j += 8 * blocks
	}
}

func depthwiseGradAVX2(dw []float32, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	checkMatrix(dy, ys, n, c)
	checkMatrix(dw, c, len(off), c)
	checkTaps(x, xs, off, n, c)
	win := newDepthwiseWindow(off, xs)
	for p := 0; p < n; p += callPixels / 4 {
		pixels, done := min(n-p, callPixels/4), 0
		if win.fits(c) {
			done = c &^ 7
			depthwiseGradWindowsAVX2(win, dw, c, dy[p*ys:], ys, x[p*xs:], off, pixels, done)
		}
		for t := 0; t < len(off); t += callTaps {
			taps := off[t:min(t+callTaps, len(off))]
			depthwiseGradTapsAVX2(dw[t*c:], c, dy[p*ys:], ys, x[p*xs:], xs, taps, pixels, done, c)
		}
	}
}

// depthwiseGradWindowsAVX2 is for c channels, a multiple of 8.
func depthwiseGradWindowsAVX2(win depthwiseWindow, dw []float32, ws int, dy []float32, ys int, x []float32, off []int, n, c int) {
	for j := 0; j < c; {
		blocks := min((c-j)/8, max(1, callPixels/n))
		depthwiseGradF32AVX2Window(win.key(), &dy[j], ys, &x[j], &dw[j], ws, &off[0], n, blocks)
		j += 8 * blocks
	}
}

func depthwiseGradTapsAVX2(dw []float32, ws int, dy []float32, ys int, x []float32, xs int, off []int, n, j, c int) {
	for most := max(1, callPixels/n); j < c; {
		blocks, mask := channelBlocks(c-j, most)
		depthwiseGradF32AVX2Taps(len(off), &dw[j], ws, &dy[j], ys, &x[j], xs, &off[0], n, blocks, mask)
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
