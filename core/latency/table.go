package latency

// exactSteps is up to how many steps of the kernels' width each has a knot of its own; further out there are
// eight knots to each doubling.
const exactSteps = 16

// at is the time of a layer in nanoseconds. Widths are rounded up to what kernels work on in any case, so that
// the stairs stay stairs, and interpolated linearly between knots.
func (t *Table) at(l layer) (float64, error) {
	if l.fixed {
		return t.measured(l)
	}
	lo, hi, share := t.knots(l.in)
	if l.depthwise() {
		return t.between(share, func(w int) (float64, error) { l.in, l.out = w, w; return t.measured(l) }, lo, hi)
	}
	return t.between(share, func(in int) (float64, error) { l.in = in; return t.row(l) }, lo, hi)
}

// row is the time of a layer whose input width is a knot.
func (t *Table) row(l layer) (float64, error) {
	lo, hi, share := t.knots(l.out)
	return t.between(share, func(out int) (float64, error) { l.out = out; return t.measured(l) }, lo, hi)
}

// between is what f is between two knots.
func (t *Table) between(share float64, f func(int) (float64, error), lo, hi int) (float64, error) {
	a, err := f(lo)
	if err != nil || lo == hi {
		return a, err
	}
	b, err := f(hi)
	return a + share*(b-a), err
}

// knots are the widths around w at which layers are measured, and where between them w lies. Below one
// step every width is a knot.
func (t *Table) knots(w int) (lo, hi int, share float64) {
	if w <= t.width {
		return w, w, 0
	}
	steps := (w + t.width - 1) / t.width
	stride := 1
	for steps > exactSteps*stride {
		stride *= 2
	}
	low := steps / stride * stride
	if low == steps {
		return steps * t.width, steps * t.width, 0
	}
	return low * t.width, (low + stride) * t.width, float64(steps-low) / float64(stride)
}

// measured is the time of a layer at a knot, measured when it is first asked for.
func (t *Table) measured(l layer) (float64, error) {
	key := l.String()
	if ns, ok := t.times[key]; ok {
		return float64(ns), nil
	}
	g, err := l.network()
	if err != nil {
		return 0, err
	}
	d, err := t.time(g)
	if err != nil {
		return 0, err
	}
	t.times[key], t.fresh = d.Nanoseconds(), true
	return float64(d.Nanoseconds()), nil
}
