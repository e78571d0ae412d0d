package main

// finishes end the rows of a product in place.
var finishes = []loop{
	{name: "biasClip", doc: "y = min(max(y + b, lo), hi) in every row", params: "y *float32, b *float32, lo float32, hi float32",
		unroll: 4, rows: "y", body: func(v vec) {
			biased(v, 0)
			bounded(v)
		}},
	{name: "biasHardSwish", doc: "y = z·min(max(z/6 + ½, 0), 1), z = y + b, in every row", params: "y *float32, b *float32",
		unroll: 4, rows: "y", body: func(v vec) {
			biased(v, 2)
			hardSwish(v)
			v.store(0, "y")
		}},
	{name: "biasHardSigmoid", doc: "y = min(max(alpha·(y + b) + beta, 0), 1) in every row", params: "y *float32, b *float32, alpha float32, beta float32",
		unroll: 4, rows: "y", body: func(v vec) {
			biased(v, 0)
			hardSigmoid(v)
			v.store(0, "y")
		}},
	{name: "biasSilu", doc: "y = z/(1 + e^-z), z = y + b, in every row", params: "y *float32, b *float32",
		unroll: 2, temps: 6, rows: "y", body: func(v vec) {
			biased(v, 5)
			silu(v)
			v.store(0, "y")
		}},
	{name: "biasAddClip", doc: "y = min(max(y + b + r, lo), hi) in every row",
		params: "y *float32, b *float32, r *float32, lo float32, hi float32", unroll: 4, rows: "y r", body: func(v vec) {
			biased(v, 0)
			v.load(1, "r")
			v.add(0, 0, 1)
			bounded(v)
		}},
}

// biased makes register d y + b; it uses 1.
func biased(v vec, d int) {
	v.load(d, "y")
	v.load(1, "b")
	v.add(d, d, 1)
}

// bounded stores register 0 within lo and hi.
func bounded(v vec) {
	v.max(0, 0, v.scalar("lo"))
	v.min(0, 0, v.scalar("hi"))
	v.store(0, "y")
}

// finishFile is the file of these kernels for one instruction set.
func finishFile(isa, about string, emit func(loop) *fn) file {
	f := file{op: "finish", about: about, decls: wrappers("finish", isa)}
	for _, l := range finishes {
		f.funcs = append(f.funcs, emit(l))
	}
	return f
}
