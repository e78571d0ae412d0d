package main

// finishes end the rows of a product in place.
var finishes = []loop{
	{name: "biasClip", doc: "y = min(max(y + b, lo), hi) in every row", params: "y *float32, b *float32, lo float32, hi float32",
		unroll: 4, rows: "y", body: func(v vec) {
			v.load(0, "y")
			v.load(1, "b")
			v.add(0, 0, 1)
			bounded(v)
		}},
	{name: "biasAddClip", doc: "y = min(max(y + b + r, lo), hi) in every row",
		params: "y *float32, b *float32, r *float32, lo float32, hi float32", unroll: 4, rows: "y r", body: func(v vec) {
			v.load(0, "y")
			v.load(1, "b")
			v.add(0, 0, 1)
			v.load(1, "r")
			v.add(0, 0, 1)
			bounded(v)
		}},
}

// bounded stores register 0 within lo and hi.
func bounded(v vec) {
	v.max(0, 0, v.scalar("lo"))
	v.min(0, 0, v.scalar("hi"))
	v.store(0, "y")
}

// finishFile is the file of these kernels for one instruction set.
func finishFile(about string, emit func(loop) *fn) file {
	f := file{op: "finish", about: about}
	for _, l := range finishes {
		f.funcs = append(f.funcs, emit(l))
	}
	return f
}
