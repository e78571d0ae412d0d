package pruning

// Curve is the loss of a network without retraining as one group loses units in the order of a selector: at
// equal shares removed, the first 0, the last CurveEnd.
type Curve []float64

// CurveShares is the shares at which curves are taken beside 0: 10 to 90 % (reference: Li et al., ICLR 2017,
// arXiv:1608.08710, figure 2).
func CurveShares() []float64 { return []float64{.1, .2, .3, .4, .5, .6, .7, .8, .9} }

// CurveEnd is the last of CurveShares.
const CurveEnd = 0.9

// Rise is by how much the loss has risen at most on the way to a share, between points linearly; it never falls with
// the share. Behind the end it goes on as steeply as in the last stretch.
func (c Curve) Rise(share float64) float64 {
	x := share / CurveEnd * float64(len(c)-1)
	most, at := 0.0, 0
	for ; at+1 < len(c) && float64(at+1) <= x; at++ {
		most = max(most, c[at+1]-c[0])
	}
	k := min(at, len(c)-2)
	return max(most, c[k]-c[0]+(x-float64(k))*max(0, c[k+1]-c[k]))
}
