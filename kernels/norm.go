package kernels

// Norm is the loops of batch normalization and of the activation behind it. All treat their
// matrices as rows×c, c = len(mean) or len(about), and work z = (x-mean)·scale + beta out anew:
// what the activation masks is never stored. With bounds -Inf and +Inf there is no activation.
type Norm struct {
	// Normalize is y = min(max(z, lo), hi). y may be x.
	Normalize func(y, x, mean, scale, beta []float32, lo, hi float32)
	// NormalizeAdd is y = min(max(z + r, lo), hi): a residual behind it. y may be x or r.
	NormalizeAdd func(y, x, r, mean, scale, beta []float32, lo, hi float32)
	// NormalizeSums adds to dbeta Σ_rows dz and to dgamma Σ_rows dz·(x-mean), where dz is dy
	// where lo < z < hi, else 0. Where z is NaN dy passes.
	NormalizeSums func(dbeta, dgamma, dy, x, mean, scale, beta []float32, lo, hi float32)
	// NormalizeGrad is dx = dz·scale + (x-mean)·slope + shift with the same dz. dx may be dy or x.
	NormalizeGrad func(dx, dy, x, mean, scale, beta, slope, shift []float32, lo, hi float32)
	// ColMoments adds to sum Σ_rows (x-about) and to sq Σ_rows (x-about)².
	ColMoments func(sum, sq, x, about []float32)
}

func genericNorm() Norm {
	return Norm{Normalize: normalize, NormalizeAdd: normalizeAdd, NormalizeSums: normalizeSums,
		NormalizeGrad: normalizeGrad, ColMoments: colMoments}
}

func normalize(y, x, mean, scale, beta []float32, lo, hi float32) {
	scale, beta = scale[:len(mean)], beta[:len(mean)]
	rows(len(x), len(mean), func(from, to int) {
		yr, xr := y[from:to], x[from:to]
		for j, m := range mean {
			yr[j] = clipped((xr[j]-m)*scale[j]+beta[j], lo, hi)
		}
	})
}

func normalizeAdd(y, x, r, mean, scale, beta []float32, lo, hi float32) {
	scale, beta = scale[:len(mean)], beta[:len(mean)]
	rows(len(x), len(mean), func(from, to int) {
		yr, xr, rr := y[from:to], x[from:to], r[from:to]
		for j, m := range mean {
			yr[j] = clipped((xr[j]-m)*scale[j]+beta[j]+rr[j], lo, hi)
		}
	})
}

func normalizeSums(dbeta, dgamma, dy, x, mean, scale, beta []float32, lo, hi float32) {
	dbeta, dgamma, scale, beta = dbeta[:len(mean)], dgamma[:len(mean)], scale[:len(mean)], beta[:len(mean)]
	rows(len(x), len(mean), func(from, to int) {
		xr, dyr := x[from:to], dy[from:to]
		for j, m := range mean {
			dz := unclipped(dyr[j], (xr[j]-m)*scale[j]+beta[j], lo, hi)
			dbeta[j] += dz
			dgamma[j] += dz * (xr[j] - m)
		}
	})
}

func normalizeGrad(dx, dy, x, mean, scale, beta, slope, shift []float32, lo, hi float32) {
	scale, beta, slope, shift = scale[:len(mean)], beta[:len(mean)], slope[:len(mean)], shift[:len(mean)]
	rows(len(x), len(mean), func(from, to int) {
		dxr, xr, dyr := dx[from:to], x[from:to], dy[from:to]
		for j, m := range mean {
			centred := xr[j] - m
			dz := unclipped(dyr[j], centred*scale[j]+beta[j], lo, hi)
			dxr[j] = dz*scale[j] + centred*slope[j] + shift[j]
		}
	})
}

func colMoments(sum, sq, x, about []float32) {
	sum, sq = sum[:len(about)], sq[:len(about)]
	rows(len(x), len(about), func(from, to int) {
		xr := x[from:to]
		for j, a := range about {
			d := xr[j] - a
			sum[j] += d
			sq[j] += d * d
		}
	})
}

// clipped is v within the bounds, NaN where it is NaN.
func clipped(v, lo, hi float32) float32 {
	if v < lo {
		v = lo
	}
	if v > hi {
		v = hi
	}
	return v
}

// unclipped is dy where z lies between the bounds or is NaN, else 0.
func unclipped(dy, z, lo, hi float32) float32 {
	if z <= lo || z >= hi {
		return 0
	}
	return dy
}
