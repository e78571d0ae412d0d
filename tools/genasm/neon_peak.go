package main

// neonPeak is the yardstick of the benchmarks: 24 accumulators, as many as hide the latency of
// every core that issues two multiply-adds a cycle.
func neonPeak() file {
	f := newARM("peakF32NEON", "n turns of 24 independent fused multiply-adds of four floats: the most that the CPU does.", "n int")
	f.load("n", "R0")
	for i := range 26 {
		f.op("VEOR V%d.B16, V%d.B16, V%d.B16", i, i, i)
	}
	f.label("turn")
	for i := range 24 {
		f.op("VFMLA V24.S4, V25.S4, V%d.S4", i)
	}
	f.op("SUB $1, R0")
	f.op("CBNZ R0, turn")
	f.op("RET")
	return file{op: "peak", about: "The yardstick for NEON: multiply-adds and nothing else.", funcs: []*fn{f.fn}}
}
