package kernels

import "math"

// Generic is the set in plain Go: what every other set is compared with, and what runs where
// there is no assembly.
func Generic() Set {
	s := Set{
		Name: "generic", Width: 4,
		PackSize: packSize, PackB: packB, PackBT: packBT, Gemm: gemm, GemmTN: gemmTN, GemmNT64: gemmNT64, Gemv64: gemv64, Implicit: genericImplicit(), Yardstick: genericYardstick(),
		DepthwiseRow: depthwiseRow, DepthwiseGrad: depthwiseGrad, Fetch: func([]float32) {},
		Winograd: genericWinograd(),
		Fill:     fill, Add: add, Sub: sub, Mul: mul, Div: div,
		Axpy: axpy, Scale: scale, MulAdd: mulAdd, Clip: clip, ClipGrad: clipGrad, MulClip: mulClip,
		DivClip: divClip, Abs: abs, MulSigned: mulSigned, ShareRow: shareRow,
		ScaleShift: scaleShift, AddRow: addRow, MulRow: mulRow, ColSum: colSum, ColDot: colDot,
		Sum: sum, SumSq: sumSq, Dot: dot, SGD: sgd, AdamW: adamW,
		Norm: genericNorm(), Finish: genericFinish(),
		Pooling: genericPooling(), Activation: genericActivation(), Pixels: genericPixels(),
	}
	s.Ended = s.apart()
	return s
}

func depthwiseRow(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
	depthwiseColumns(y, ys, x, xs, w, c, off, n, c, acc)
}

// depthwiseColumns is depthwiseRow for c channels of more, weights ws apart. It adds tap after
// tap, so that an element is one chain of sums in the order of off.
func depthwiseColumns(y []float32, ys int, x []float32, xs int, w []float32, ws int, off []int, n, c int, acc bool) {
	for p := range n {
		yp := y[p*ys:][:c]
		if !acc {
			clear(yp)
		}
		for t, o := range off {
			mulAdd(yp, x[p*xs+o:], w[t*ws:])
		}
	}
}

func depthwiseGrad(dw []float32, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	depthwiseGradColumns(dw, c, dy, ys, x, xs, off, n, c)
}

func depthwiseGradColumns(dw []float32, ws int, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	for p := range n {
		dyp := dy[p*ys:][:c]
		for t, o := range off {
			mulAdd(dw[t*ws:][:c], dyp, x[p*xs+o:])
		}
	}
}

func fill(y []float32, v float32) {
	for i := range y {
		y[i] = v
	}
}

func add(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

func sub(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] - b[i]
	}
}

func mul(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] * b[i]
	}
}

func div(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] / b[i]
	}
}

func axpy(y []float32, s float32, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += s * x[i]
	}
}

func scale(y []float32, s float32, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] = s * x[i]
	}
}

func mulAdd(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] += a[i] * b[i]
	}
}

// clip keeps NaN: neither comparison is true.
func clip(y, x []float32, lo, hi float32) {
	x = x[:len(y)]
	for i, v := range x {
		if v < lo {
			v = lo
		}
		if v > hi {
			v = hi
		}
		y[i] = v
	}
}

// clipGrad stops the gradient at and beyond the bounds. Where x is NaN it lets dy pass, so that
// what diverged stays visible.
func clipGrad(dx, dy, x []float32, lo, hi float32) {
	dy, x = dy[:len(dx)], x[:len(dx)]
	for i, v := range x {
		g := dy[i]
		if v <= lo || v >= hi {
			g = 0
		}
		dx[i] = g
	}
}

func mulClip(y, a, x []float32, lo, hi float32) {
	a, x = a[:len(y)], x[:len(y)]
	for i, v := range x {
		y[i] = a[i] * min(max(v, lo), hi) // NaN where v is
	}
}

func divClip(y, a, x []float32, lo, hi float32) {
	a, x = a[:len(y)], x[:len(y)]
	for i, v := range x {
		y[i] = a[i] / min(max(v, lo), hi) // NaN where v is
	}
}

func abs(y, x []float32) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] = max(v, -v)
	}
}

func mulSigned(y, a, b, x []float32) {
	a, b, x = a[:len(y)], b[:len(y)], x[:len(y)]
	for i, v := range x {
		y[i] = a[i]*max(v, 0) + b[i]*min(v, 0)
	}
}

// rows calls f with the place of each row of c floats in n.
func rows(n, c int, f func(lo, hi int)) {
	if c == 0 {
		return
	}
	for lo := 0; lo+c <= n; lo += c {
		f(lo, lo+c)
	}
}

func scaleShift(y, x, scale, shift []float32) {
	shift = shift[:len(scale)]
	rows(len(x), len(scale), func(lo, hi int) {
		yr, xr := y[lo:hi], x[lo:hi]
		for j, s := range scale {
			yr[j] = xr[j]*s + shift[j]
		}
	})
}

func addRow(y, x, b []float32) {
	rows(len(x), len(b), func(lo, hi int) { add(y[lo:hi], x[lo:hi], b) })
}

func mulRow(y, x, b []float32) {
	rows(len(x), len(b), func(lo, hi int) { mul(y[lo:hi], x[lo:hi], b) })
}

func shareRow(s, y, r, shift, least []float32, share float32) {
	rows(len(s), len(shift), func(lo, hi int) {
		sr, yr, rr := s[lo:hi], y[lo:hi], r[lo:hi]
		for j, v := range sr {
			sr[j] = rr[j] / max(v+(yr[j]+shift[j]), share*v+least[j])
		}
	})
}

func colSum(sum, x []float32) {
	rows(len(x), len(sum), func(lo, hi int) { add(sum, sum, x[lo:hi]) })
}

func colDot(sum, x, y []float32) {
	rows(len(x), len(sum), func(lo, hi int) { mulAdd(sum, x[lo:hi], y[lo:hi]) })
}

func sum(x []float32) (s float64) {
	for _, v := range x {
		s += float64(v)
	}
	return s
}

func sumSq(x []float32) (s float64) {
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

func dot(x, y []float32) (s float64) {
	y = y[:len(x)]
	for i, v := range x {
		s += float64(v) * float64(y[i])
	}
	return s
}

func sgd(w, g, m []float32, lr, momentum, decay, scale float32) {
	g, m = g[:len(w)], m[:len(w)]
	for i := range w {
		m[i] = momentum*m[i] + (scale*g[i] + decay*w[i])
		w[i] -= lr * m[i]
	}
}

// adamW is w -= lr·(m/c1 / (√(v/c2) + eps) + decay·w) after both moments took scale·g.
func adamW(w, g, m, v []float32, lr, beta1, beta2, eps, decay, c1, c2, scale float32) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i := range w {
		gi := scale * g[i]
		m[i] = beta1*m[i] + (1-beta1)*gi
		v[i] = beta2*v[i] + (1-beta2)*(gi*gi)
		root := float32(math.Sqrt(float64(v[i] / c2)))
		w[i] -= lr * (m[i]/c1/(root+eps) + decay*w[i])
	}
}
