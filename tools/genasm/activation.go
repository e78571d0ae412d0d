package main

// What the activations need of eˣ: x = n·ln2 + r, a polynomial for eʳ, and 2ⁿ in two steps, so
// that results in the subnormal range come out right. Beyond the bounds eˣ is Inf or 0 by itself.
// Coefficients: S. L. Moshier, Cephes, expf and tanhf.
const (
	expHigh    = 89
	expLow     = -104
	log2e      = 1.44269504088896341
	ln2High    = 0.693359375
	ln2Low     = -2.12194440e-4
	roundMagic = 3 << 22 // adding it rounds to an integer, which is in the low bits then
	tanhSmall  = 0.625 * 0.625
)

var (
	expPoly  = []float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1}
	tanhPoly = []float32{-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1}
)

// horner makes the polynomial in x in register a or b, and returns which. It uses both.
func horner(v vec, poly []float32, x, a, b int) int {
	v.set(a, poly[0])
	for _, c := range poly[1:] {
		v.set(b, c)
		v.fma(b, a, x)
		a, b = b, a
	}
	return a
}

// exp makes register 0 its exponential; it uses 1 to 4.
func exp(v vec) {
	v.set(1, expHigh)
	v.min(0, 0, 1)
	v.set(1, expLow)
	v.max(0, 0, 1)
	round := func(d, a int, factor float32) { // d = a·factor + magic
		v.set(4, factor)
		v.set(d, roundMagic)
		v.fma(d, a, 4)
	}
	unround := func(d, a int) {
		v.set(4, roundMagic)
		v.sub(d, a, 4)
	}
	round(1, 0, log2e)
	unround(2, 1) // n
	v.set(3, ln2High)
	v.fnma(0, 2, 3)
	v.set(3, ln2Low)
	v.fnma(0, 2, 3) // r
	round(1, 2, 0.5)
	unround(3, 1) // half of n
	v.sub(2, 2, 3)
	v.set(3, roundMagic)
	v.add(2, 2, 3)
	p := horner(v, expPoly, 0, 3, 4)
	powerOf2(v, 1, 0)
	v.mul(p, p, 1)
	powerOf2(v, 2, 0)
	v.mul(0, p, 2)
}

// powerOf2 makes 2ⁿ of the integer in the low bits of d.
func powerOf2(v vec, d, temp int) {
	v.set(temp, 1)
	v.shiftUp(d, d, 23)
	v.addInt(d, d, temp)
}

// onePlusExpNeg makes register 0 of x 1+e⁻ˣ.
func onePlusExpNeg(v vec, x int) {
	v.set(1, 0)
	v.sub(0, 1, x)
	exp(v)
	v.set(1, 1)
	v.add(0, 0, 1)
}

const mapParams, gradXParams, gradYParams = "y *float32, x *float32", "dx *float32, dy *float32, x *float32", "dx *float32, dy *float32, y *float32"

// activations is every element-wise activation and its gradient.
var activations = []loop{
	{name: "exp", doc: "y = e^(x - shift)", params: "y *float32, x *float32, shift float32", unroll: 2, temps: 5, body: func(v vec) {
		v.load(0, "x")
		v.sub(0, 0, v.scalar("shift"))
		exp(v)
		v.store(0, "y")
	}},
	{name: "sigmoid", doc: "y = 1/(1 + e^-x)", params: mapParams, unroll: 2, temps: 5, body: func(v vec) {
		v.load(0, "x")
		onePlusExpNeg(v, 0)
		v.div(0, 1, 0)
		v.store(0, "y")
	}},
	{name: "sigmoidGrad", doc: "dx = dy·(y - y²)", params: gradYParams, unroll: 4, body: func(v vec) {
		v.load(0, "y")
		v.load(1, "y")
		v.fnma(1, 0, 0)
		v.load(2, "dy")
		v.mul(1, 1, 2)
		v.store(1, "dx")
	}},
	{name: "tanh", doc: "y = 1 - 2/(e^2x + 1), near 0 a polynomial", params: mapParams, unroll: 2, temps: 6, body: tanh},
	{name: "tanhGrad", doc: "dx = dy·(1 - y²)", params: gradYParams, unroll: 4, body: func(v vec) {
		v.load(0, "y")
		v.set(1, 1)
		v.fnma(1, 0, 0)
		v.load(2, "dy")
		v.mul(1, 1, 2)
		v.store(1, "dx")
	}},
	{name: "silu", doc: "y = x/(1 + e^-x)", params: mapParams, unroll: 2, temps: 6, body: func(v vec) {
		v.load(5, "x")
		silu(v)
		v.store(0, "y")
	}},
	{name: "siluGrad", doc: "dx = dy·s·(1 + x·(1 - s)), s = 1/(1 + e^-x)", params: gradXParams, unroll: 2, temps: 6, body: func(v vec) {
		v.load(5, "x")
		v.set(1, expLow)
		v.max(5, 5, 1)
		v.set(1, -expLow)
		v.min(5, 5, 1)
		onePlusExpNeg(v, 5)
		v.div(0, 1, 0)
		v.sub(2, 1, 0)
		v.fma(1, 5, 2)
		v.mul(0, 0, 1)
		v.load(1, "dy")
		v.mul(0, 0, 1)
		v.store(0, "dx")
	}},
	{name: "hardSigmoid", doc: "y = min(max(alpha·x + beta, 0), 1)", params: mapParams + ", alpha float32, beta float32", unroll: 4, body: func(v vec) {
		v.load(0, "x")
		hardSigmoid(v)
		v.store(0, "y")
	}},
	{name: "hardSigmoidGrad", doc: "dx = alpha·dy where 0 < y < 1, else 0", params: gradYParams + ", alpha float32", unroll: 4, body: func(v vec) {
		v.load(0, "y")
		v.load(1, "dy")
		v.mul(1, 1, v.scalar("alpha"))
		v.set(2, 0)
		v.atMost(2, 0, 2)
		v.set(3, 1)
		v.atMost(3, 3, 0)
		v.or(2, 2, 3)
		v.without(1, 1, 2)
		v.store(1, "dx")
	}},
	{name: "hardSwish", doc: "y = x·min(max(x/6 + ½, 0), 1)", params: mapParams, unroll: 4, body: func(v vec) {
		v.load(2, "x")
		hardSwish(v)
		v.store(0, "y")
	}},
	{name: "hardSwishGrad", doc: "dx = dy·(x/3 + ½) where -3 < x < 3, dy above, 0 below", params: gradXParams, unroll: 4, body: func(v vec) {
		v.load(0, "x")
		v.set(1, 0.5)
		v.set(2, 1./3)
		v.fma(1, 0, 2)
		v.set(2, 3)
		v.atMost(2, 2, 0)
		v.set(3, 1)
		v.put(1, 3, 2)
		v.set(2, -3)
		v.atMost(2, 0, 2)
		v.without(1, 1, 2)
		v.load(2, "dy")
		v.mul(1, 1, 2)
		v.store(1, "dx")
	}},
	{name: "leaky", doc: "y = alpha·x where v <= 0, else x", params: "y *float32, x *float32, v *float32, alpha float32", unroll: 4, body: func(v vec) {
		v.load(0, "x")
		v.mul(1, 0, v.scalar("alpha"))
		leaky(v)
	}},
	{name: "leakyRow", doc: "y = slope·x where v <= 0, else x, in every row", params: "y *float32, x *float32, v *float32, slope *float32", unroll: 4, rows: "y x v", body: func(v vec) {
		v.load(0, "x")
		v.load(1, "slope")
		v.mul(1, 0, 1)
		leaky(v)
	}},
	{name: "softmaxGrad", doc: "dx = y·(dy - sum)", params: gradYParams + ", sum float32", unroll: 4, body: func(v vec) {
		v.load(0, "dy")
		v.sub(0, 0, v.scalar("sum"))
		v.load(1, "y")
		v.mul(0, 0, 1)
		v.store(0, "dx")
	}},
	{name: "colMax", doc: "top = max(top, x), NaN where either is, in every row", params: "top *float32, x *float32", unroll: 4, rows: "x", body: func(v vec) {
		v.load(0, "top")
		v.load(1, "x")
		v.atMost(2, 1, 0)
		v.atMost(3, 0, 0)
		v.without(2, 3, 2)
		v.put(0, 1, 2)
		v.store(0, "top")
	}},
}

// silu makes register 0 x/(1 + e⁻ˣ) of x in register 5.
func silu(v vec) {
	v.set(1, expLow)
	v.max(5, 5, 1)
	onePlusExpNeg(v, 5)
	v.div(0, 5, 0)
}

// hardSigmoid works on register 0.
func hardSigmoid(v vec) {
	v.mul(0, 0, v.scalar("alpha"))
	v.add(0, 0, v.scalar("beta"))
	unit(v)
}

// hardSwish makes register 0 that of x in register 2.
func hardSwish(v vec) {
	v.set(1, 1./6)
	v.set(0, 0.5)
	v.fma(0, 2, 1)
	unit(v)
	v.mul(0, 0, 2)
}

// unit clips register 0 between 0 and 1; it uses 1.
func unit(v vec) {
	v.set(1, 0)
	v.max(0, 0, 1)
	v.set(1, 1)
	v.min(0, 0, 1)
}

// leaky stores register 1 where v is not positive, else 0.
func leaky(v vec) {
	v.load(2, "v")
	v.set(3, 0)
	v.atMost(2, 2, 3)
	v.put(0, 1, 2)
	v.store(0, "y")
}

func tanh(v vec) {
	v.load(5, "x")
	v.add(0, 5, 5)
	exp(v)
	v.set(1, 1)
	v.add(0, 0, 1)
	v.set(2, 2)
	v.div(2, 2, 0)
	v.sub(0, 1, 2)
	v.mul(1, 5, 5)
	p := horner(v, tanhPoly, 1, 2, 3)
	v.mul(p, p, 1)
	v.set(4, 0)
	v.add(4, 4, 5)
	v.fma(4, p, 5)
	v.set(p, tanhSmall)
	v.atMost(p, 1, p)
	v.put(0, 4, p)
	v.store(0, "y")
}

// activationFile is the file of activations for an instruction set, each made by one.
func activationFile(about, isa string, one func(loop) *fn) file {
	f := file{op: "activation", about: about, decls: wrappers("activation", isa)}
	for _, l := range activations {
		f.funcs = append(f.funcs, one(l))
		f.decls += l.wrapper(isa)
	}
	return f
}
