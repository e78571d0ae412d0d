package main

// avx2Fetch reads a float of each line of the cache: the hardware sees a stream and runs ahead of it, while
// it drops fetches by PREFETCHT0 that come as fast.
func avx2Fetch() file {
	f := newX86("fetchF32AVX2", "Reads a float of each of a number of lines, 64 bytes each, from x on.", "x *float32, lines int")
	f.load("x", "SI")
	f.load("lines", "CX")
	f.label("line")
	f.op("MOVL (SI), AX")
	f.op("ADDQ $64, SI")
	f.op("DECQ CX")
	f.op("JNZ line")
	f.op("RET")
	return file{op: "fetch", about: "Bringing memory into the cache.", funcs: []*fn{f.fn}}
}
