package main

// poolLoop is a kernel over the taps of windows, the same for all instruction sets: what it does
// with a vector of channels before, at and after the taps. The pointer tap is where the tap lies.
type poolLoop struct {
	name, doc string
	window    string // the pointer that the taps are counted from: x or dx
	pixel     string // the pointer with one pixel a window: y or dy, if any
	index     bool   // there is a byte for each element of pixel
	first     bool   // taps count from a parameter, not from 0
	scale     bool
	begin     func(v poolVec)
	tap       func(v poolVec)
	end       func(v poolVec)
}

// poolVec is one vector's worth of instructions of such a kernel. Registers are what they are;
// kept and temp are different ones for each vector of a turn.
type poolVec interface {
	vec
	kept(i int) int // 2 that live from tap to tap
	temp(i int) int // 3 for one tap
	loadIndex(d int)
	storeIndex(s int)
}

// Registers of a poolLoop beside kept and temp.
const (
	poolFirst = 12 // with first: the number of the first tap in every lane; temp uses 2 then
	poolTap   = 14 // with index: the number of the tap
	poolOne   = 15 // with index: 1
)

// poolVectors is the number of vectors of a turn.
const poolVectors = 4

func poolKept(copy, i int) int { return copy*2 + i }

// poolTemp is 8 and 9 or 10 and 11 for i below 2, and 12 or 13 for 2.
func poolTemp(copy, i int) int {
	if i == 2 {
		return 12 + copy%2
	}
	return 2*poolVectors + copy%2*2 + i
}

// params is the declaration of the parameters.
func (l poolLoop) params() (list string) {
	if l.pixel != "" {
		list = l.pixel + " *float32, "
	}
	if l.index {
		list += "index *uint8, "
	}
	list += l.window + " *float32, off *int, taps int, n int, c int, pixelStride int, windowStride int"
	if l.first {
		list += ", first int"
	}
	if l.scale {
		list += ", scale float32"
	}
	return list
}

func (l poolLoop) fn(isa string) *fn {
	return newFn(l.name+"F32"+isa+"Loop", l.doc+"\nfor c channels of n pixels. Strides and offsets are in elements.", l.params())
}

// poolLoops is every pooling kernel.
var poolLoops = []poolLoop{
	{name: "maxPool", doc: "y = the maximum over the taps of x, NaN where one is", window: "x", pixel: "y",
		begin: func(v poolVec) { v.set(v.kept(0), minusInf) },
		tap: func(v poolVec) {
			greater(v)
			v.put(v.kept(0), v.temp(0), v.temp(1))
		},
		end: func(v poolVec) { v.store(v.kept(0), "y") }},
	{name: "maxPoolIndex", doc: "index = the first tap of x with the maximum, or the first NaN", window: "x", index: true,
		begin: func(v poolVec) {
			v.set(v.kept(0), minusInf)
			v.set(v.kept(1), 0)
		},
		tap: func(v poolVec) {
			greater(v)
			v.put(v.kept(0), v.temp(0), v.temp(1))
			v.put(v.kept(1), poolTap, v.temp(1))
		},
		end: func(v poolVec) { v.storeIndex(v.kept(1)) }},
	{name: "maxPoolGrad", doc: "dx += dy at the tap whose number is index", window: "dx", pixel: "dy", index: true, first: true,
		begin: func(v poolVec) {
			v.load(v.kept(0), "dy")
			v.loadIndex(v.kept(1))
		},
		tap: func(v poolVec) {
			v.equalInt(v.temp(0), v.kept(1), poolTap)
			v.and(v.temp(0), v.temp(0), v.kept(0))
			v.load(v.temp(1), "tap")
			v.add(v.temp(0), v.temp(0), v.temp(1))
			v.store(v.temp(0), "tap")
		},
		end: func(poolVec) {}},
	{name: "averagePool", doc: "y = scale·Σ x over the taps", window: "x", pixel: "y", scale: true,
		begin: func(v poolVec) { v.set(v.kept(0), 0) },
		tap: func(v poolVec) {
			v.load(v.temp(0), "tap")
			v.add(v.kept(0), v.kept(0), v.temp(0))
		},
		end: func(v poolVec) {
			v.mul(v.kept(0), v.kept(0), v.scalar("scale"))
			v.store(v.kept(0), "y")
		}},
	{name: "averagePoolGrad", doc: "dx += scale·dy at each tap", window: "dx", pixel: "dy", scale: true,
		begin: func(v poolVec) {
			v.load(v.kept(0), "dy")
			v.mul(v.kept(0), v.kept(0), v.scalar("scale"))
		},
		tap: func(v poolVec) {
			v.load(v.temp(0), "tap")
			v.add(v.temp(0), v.temp(0), v.kept(0))
			v.store(v.temp(0), "tap")
		},
		end: func(poolVec) {}},
}

// greater loads temp 0 and sets temp 1 where it replaces kept 0: where it is greater or NaN, and
// kept 0 is not NaN already.
func greater(v poolVec) {
	v.load(v.temp(0), "tap")
	v.atMost(v.temp(1), v.temp(0), v.kept(0))
	v.atMost(v.temp(2), v.kept(0), v.kept(0))
	v.without(v.temp(1), v.temp(2), v.temp(1))
}

// block is begin, the loop over the taps and end for some vectors of channels. each calls its
// argument for every vector, over the taps is what is around the loop.
func (l poolLoop) block(v poolVec, each func(func(v poolVec)), taps func(body func())) {
	each(l.begin)
	if l.first {
		v.or(poolTap, poolFirst, poolFirst)
	} else if l.index {
		v.set(poolTap, 0)
	}
	taps(func() {
		each(l.tap)
		if l.index {
			v.addInt(poolTap, poolTap, poolOne)
		}
	})
	each(l.end)
}
