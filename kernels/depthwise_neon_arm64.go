//go:build !noasm

package kernels

func (t neonTiles) depthwiseRow(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
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
	done := 0
	if win := newDepthwiseWindow(off, xs); win.fits(acc) && vectors > 0 {
		done = n &^ (windowPixels - 1)
		t.depthwiseWindows(win, y, ys, x, xs, w, c, off, done, vectors, acc)
	}
	for tap := 0; tap < len(off); tap += callTaps {
		taps := off[tap:min(tap+callTaps, len(off))]
		for p := done; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			depthwiseTapsNEON(y[p*ys:], ys, x[p*xs:], xs, w[tap*c:], c, taps, pixels, vectors, acc || tap > 0)
		}
	}
}

// depthwiseWindows makes n pixels, a multiple of four, of c channels, a multiple of 8, some rows of taps
// at a time.
func (t neonTiles) depthwiseWindows(win depthwiseWindow, y []float32, ys int, x []float32, xs int, w []float32, ws int, off []int, n, c int, acc bool) {
	for tap := 0; tap < len(off); {
		g := win.group(len(off) - tap)
		taps := off[tap:]
		for p := 0; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			for j := 0; j < c; {
				blocks := min((c-j)/4, max(1, 2*callPixels/pixels))
				t.depthwiseWindow(g, &y[p*ys+j], ys, &x[p*xs+j], &w[tap*ws+j], ws, &taps[0], pixels, blocks, acc || tap > 0)
				j += 4 * blocks
			}
		}
		tap += g.rows * g.width
	}
}

// depthwiseWindow calls the kernel of a window.
func (t neonTiles) depthwiseWindow(g depthwiseWindow, y *float32, ys int, x, w *float32, ws int, off *int, n, blocks int, acc bool) {
	switch {
	case t.inOrder && acc:
		depthwiseAddF32NEONInOrderWindow(g.key(), y, ys, x, w, ws, off, n, blocks)
	case t.inOrder:
		depthwiseF32NEONInOrderWindow(g.key(), y, ys, x, w, ws, off, n, blocks)
	case acc:
		depthwiseAddF32NEONWindow(g.key(), y, ys, x, w, ws, off, n, blocks)
	default:
		depthwiseF32NEONWindow(g.key(), y, ys, x, w, ws, off, n, blocks)
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

func (t neonTiles) depthwiseGrad(dw []float32, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	checkMatrix(dy, ys, n, c)
	checkMatrix(dw, c, len(off), c)
	checkTaps(x, xs, off, n, c)
	vectors := c &^ 7
	if vectors < c && n > 0 && len(off) > 0 {
		depthwiseGradColumns(dw[vectors:], c, dy[vectors:], ys, x[vectors:], xs, off, n, c-vectors)
	}
	done := 0
	if win := newDepthwiseWindow(off, xs); win.fitsGrad() && vectors > 0 {
		done = n &^ (windowPixels - 1)
		t.depthwiseGradWindows(win, dw, dy, ys, x, xs, c, off, done, vectors)
	}
	for tap := 0; tap < len(off); tap += callTaps {
		taps := off[tap:min(tap+callTaps, len(off))]
		for p := done; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			depthwiseGradTapsNEON(dw[tap*c:], c, dy[p*ys:], ys, x[p*xs:], xs, taps, pixels, vectors)
		}
	}
}

// depthwiseGradWindows is the same for n pixels, a multiple of four, of c channels, a multiple of 8, some
// rows of taps at a time.
func (t neonTiles) depthwiseGradWindows(win depthwiseWindow, dw, dy []float32, ys int, x []float32, xs, ws int, off []int, n, c int) {
	for tap := 0; tap < len(off); {
		g := win.group(len(off) - tap)
		taps := off[tap:]
		for p := 0; p < n; p += callPixels / 4 {
			pixels := min(n-p, callPixels/4)
			for j := 0; j < c; {
				blocks := min((c-j)/4, max(1, 2*callPixels/pixels))
				if t.inOrder {
					depthwiseGradF32NEONInOrderWindow(g.key(), &dy[p*ys+j], ys, &x[p*xs+j], &dw[tap*ws+j], ws, &taps[0], pixels, blocks)
				} else {
					depthwiseGradF32NEONWindow(g.key(), &dy[p*ys+j], ys, &x[p*xs+j], &dw[tap*ws+j], ws, &taps[0], pixels, blocks)
				}
				j += 4 * blocks
			}
		}
		tap += g.rows * g.width
	}
}

func depthwiseGradTapsNEON(dw []float32, ws int, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	for j := 0; j < c; {
		blocks := min((c-j)/8, max(1, callPixels/n))
		depthwiseGradF32NEONTaps(len(off), &dw[j], ws, &dy[j], ys, &x[j], xs, &off[0], n, blocks)
		j += 8 * blocks
	}
}

// windowPixels is the number of pixels that a kernel for windows makes in a turn.
const windowPixels = 4

// fits reports whether there are kernels: those of three taps a row do it in one go, and do not add.
func (w depthwiseWindow) fits(acc bool) bool {
	return w.width == 2 && w.rows == 2 && w.stride == 1 && !acc || w.width == 3 && w.rows <= 3 && !acc || w.width == 5
}

// fitsGrad is the same for the gradient of the weights.
func (w depthwiseWindow) fitsGrad() bool { return w.width == 3 && w.rows <= 3 || w.width == 5 }

// group is as many rows of a window with so many taps left as one call takes.
func (w depthwiseWindow) group(left int) depthwiseWindow {
	w.rows = min(left/w.width, 10/w.width)
	return w
}
