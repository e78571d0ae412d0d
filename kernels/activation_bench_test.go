package kernels

import "testing"

// BenchmarkActivation is bytes read and written, beside a copy of the same size.
func BenchmarkActivation(b *testing.B) {
	const n = 64 * 1024
	x, dy, y := written(n), written(n), written(n)
	run := func(name string, bytes int64, call func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(bytes)
			for b.Loop() {
				call()
			}
		})
	}
	run("copy", 8*n, func() { copy(y, x) })
	for _, s := range Available() {
		run(s.Name+"/Exp", 8*n, func() { s.Exp(y, x, 0) })
		run(s.Name+"/Sigmoid", 8*n, func() { s.Sigmoid(y, x) })
		run(s.Name+"/Tanh", 8*n, func() { s.Tanh(y, x) })
		run(s.Name+"/Silu", 8*n, func() { s.Silu(y, x) })
		run(s.Name+"/SiluGrad", 12*n, func() { s.SiluGrad(y, dy, x) })
		run(s.Name+"/HardSwish", 8*n, func() { s.HardSwish(y, x) })
		run(s.Name+"/HardSwishGrad", 12*n, func() { s.HardSwishGrad(y, dy, x) })
		run(s.Name+"/Leaky", 8*n, func() { s.Leaky(y, x, x, 0.1) })
		run(s.Name+"/Max", 4*n, func() { s.Max(x) })
	}
}

// BenchmarkPooling is a row of 3×3 windows, stride 2, of the first pooling of SqueezeNet: 56 pixels
// of 64 channels.
func BenchmarkPooling(b *testing.B) {
	const n, c, width = 56, 64, 113
	var off []int
	for t := range 9 {
		off = append(off, (t/3*width+t%3)*c)
	}
	x, y, index := written(3*width*c), written(n*c), make([]uint8, n*c)
	run := func(name string, call func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				call()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*c), "ns/output")
		})
	}
	for _, s := range Available() {
		run(s.Name+"/MaxPool", func() { s.MaxPool(y, c, x, 2*c, off, n, c) })
		run(s.Name+"/MaxPoolIndex", func() { s.MaxPoolIndex(index, c, x, 2*c, off, n, c) })
		run(s.Name+"/MaxPoolGrad", func() { s.MaxPoolGrad(x, 2*c, y, index, c, off, 0, n, c) })
		run(s.Name+"/AveragePool", func() { s.AveragePool(y, c, x, 2*c, off, 1./9, n, c) })
		run(s.Name+"/AveragePoolGrad", func() { s.AveragePoolGrad(x, 2*c, y, c, off, 1./9, n, c) })
	}
}
