package kernels

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// TestQuantize: every number comes back within half a step, all sets agree in every bit, and what
// lies around the slices stays.
func TestQuantize(t *testing.T) {
	for _, s := range Available() {
		for _, d := range rowSizes() {
			m, n := d[0], d[1]
			r := rand.New(rand.NewPCG(8, uint64(m*100+n)))
			x, scale, y := fencedCopy(values(r, m*n)), fenced(m), fenced(m*n)
			q, want, wantScale := fencedBytes(m*n), make([]int8, m*n), make([]float32, m)
			s.Quantize(q.signed(), scale.x, x.x, n)
			s.Dequantize(y.x, q.signed(), scale.x, n)
			Generic().Quantize(want, wantScale, x.x, n)
			name := fmt.Sprintf("%s of %d×%d", s.Name, m, n)
			scale.checkFence(t, name)
			y.checkFence(t, name)
			q.checkFence(t, name)
			if !slices.Equal(q.signed(), want) || !slices.Equal(scale.x, wantScale) {
				t.Fatalf("%s: not what generic makes of it", name)
			}
			for i, v := range x.x {
				half := float64(scale.x[i/n]) / 2 * (1 + 1.0/(1<<16))
				if e := math.Abs(float64(v) - float64(y.x[i])); e > half {
					t.Fatalf("%s: %v at %d comes back as %v, off by more than %v", name, v, i, y.x[i], half)
				}
			}
		}
	}
}

func TestQuantizeTiesAndNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, s := range Available() {
		q, scale := make([]int8, 9), make([]float32, 1)
		s.Quantize(q, scale, []float32{0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5, -127, 127}, 9)
		if want := []int8{0, 2, 2, 0, -2, -2, 126, -127, 127}; !slices.Equal(q, want) {
			t.Errorf("%s: ties become %v, want %v", s.Name, q, want)
		}
		x, y := make([]float32, 3*70), make([]float32, 3*70)
		x[5], x[69], x[70+66], x[140] = 1, -2, nan, inf
		q, scale = make([]int8, len(x)), make([]float32, 3)
		s.Quantize(q, scale, x, 70)
		s.Dequantize(y, q, scale, 70)
		for i, v := range y {
			if (v != v) != (i >= 70) {
				t.Fatalf("%s: %v at %d, want NaN in the rows with NaN and Inf", s.Name, v, i)
			}
		}
	}
}

// byteFence is bytes between canaries.
type byteFence struct{ x, all []uint8 }

func fencedBytes(n int) byteFence {
	all := bytes.Repeat([]uint8{0xa5}, n+2*fenceFloats)
	return byteFence{all[fenceFloats:][:n:n], all}
}

func (f byteFence) signed() []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(f.x))), len(f.x))
}

func (f byteFence) checkFence(t *testing.T, name string) {
	t.Helper()
	edge := bytes.Repeat([]uint8{0xa5}, fenceFloats)
	if !bytes.HasPrefix(f.all, edge) || !bytes.HasSuffix(f.all, edge) {
		t.Fatalf("%s: wrote outside of its %d bytes", name, len(f.x))
	}
}

func randomBytes(r *rand.Rand, n int) []uint8 {
	b := make([]uint8, n)
	for i := range b {
		b[i] = uint8(r.Uint32())
	}
	return b
}

// TestPixelsAreGenerics: all sets give the same bytes.
func TestPixelsAreGenerics(t *testing.T) {
	for _, s := range Available() {
		for n := range 70 {
			r := rand.New(rand.NewPCG(9, uint64(n)))
			y, cb, cr := randomBytes(r, n), randomBytes(r, n), randomBytes(r, n)
			got, want := make([][4]uint8, n+2), make([][4]uint8, n+2)
			got[n], want[n] = [4]uint8{9, 8, 7, 6}, [4]uint8{9, 8, 7, 6}
			s.JFIF(got[:n], y, cb, cr)
			jfif(want[:n], y, cb, cr)
			if !slices.Equal(got, want) {
				t.Fatalf("%s: JFIF of %d pixels is %v, want %v", s.Name, n, got, want)
			}
			sum, wantSum := make([]int32, n+1), make([]int32, n+1)
			for i := range sum {
				sum[i], wantSum[i] = 1<<21, 1<<21
			}
			for _, w := range []int32{1 << 21, 1 << 20, 1<<20 - 1} {
				x := randomBytes(r, n)
				s.AddScaled(sum[:n], x, w)
				addScaled(wantSum[:n], x, w)
			}
			row, wantRow := fencedBytes(n), make([]uint8, n)
			s.Rounded(row.x, sum)
			rounded(wantRow, wantSum)
			row.checkFence(t, s.Name)
			if !slices.Equal(sum, wantSum) || !slices.Equal(row.x, wantRow) {
				t.Fatalf("%s: sums of %d columns are %v, want %v", s.Name, n, sum, wantSum)
			}
		}
	}
}

// TestJFIFOfAllColours compares with the definition in float64.
func TestJFIFOfAllColours(t *testing.T) {
	for _, s := range Available() {
		rgbx, y, cb, cr := make([][4]uint8, 256), make([]uint8, 256), make([]uint8, 256), make([]uint8, 256)
		for b := 0; b < 256; b += 5 {
			for l := range 256 {
				y[l], cb[l], cr[l] = uint8(l), uint8(b), uint8(255-b+l*3)
			}
			s.JFIF(rgbx, y, cb, cr)
			for l, p := range rgbx {
				u, v := float64(cb[l])-128, float64(cr[l])-128
				for c, want := range []float64{float64(l) + 1.402*v, float64(l) - 0.344136*u - 0.714136*v, float64(l) + 1.772*u} {
					if math.Abs(float64(p[c])-min(max(want, 0), 255)) > 0.51 {
						t.Fatalf("%s: %d,%d,%d: colour %d is %d, want %v", s.Name, l, cb[l], cr[l], c, p[c], want)
					}
				}
			}
		}
	}
}

func TestAcross(t *testing.T) {
	for _, s := range Available() {
		for n := range 20 {
			for taps := 1; taps < 12; taps++ {
				r := rand.New(rand.NewPCG(uint64(taps), uint64(n)))
				src, first, weight := make([][4]uint8, 3*n+taps), make([]int32, n), make([]int32, n*taps)
				for i := range src {
					src[i] = [4]uint8(randomBytes(r, 4))
				}
				for i := range first {
					first[i] = int32(r.IntN(len(src) - taps + 1))
				}
				for i := range weight {
					weight[i] = 1 << fixedBits / int32(taps)
				}
				got, want := make([][4]uint8, n+1), make([][4]uint8, n+1)
				s.Across(got[:n], src, first, weight)
				across(want[:n], src, first, weight)
				if !slices.Equal(got, want) {
					t.Fatalf("%s: %d pixels of %d taps are %v, want %v", s.Name, n, taps, got, want)
				}
			}
		}
		if panicOf(func() { s.Across(make([][4]uint8, 2), make([][4]uint8, 5), []int32{0, 4}, make([]int32, 4)) }) == nil {
			t.Errorf("%s: a tap beyond its row did not panic", s.Name)
		}
	}
}

func TestFloats(t *testing.T) {
	for _, s := range Available() {
		for n := range 300 {
			r := rand.New(rand.NewPCG(4, uint64(n)))
			x, y, scale, shift := randomBytes(r, n), fenced(n), fencedCopy(values(r, n)), fencedCopy(values(r, n))
			s.Floats(y.x, x, scale.x, shift.x)
			y.checkFence(t, s.Name)
			for i, v := range x {
				want := float64(v)*float64(scale.x[i]) + float64(shift.x[i])
				if math.Abs(float64(y.x[i])-want) > 256*0x1p-23*(math.Abs(float64(scale.x[i]))+1) {
					t.Fatalf("%s: %d becomes %v, want %v", s.Name, v, y.x[i], want)
				}
			}
		}
	}
}

func BenchmarkPixels(b *testing.B) {
	const n = 16 * 1024
	x, q, scale := written(n), make([]int8, n), make([]float32, 16)
	y := make([]uint8, n)
	rgbx, first, weight := make([][4]uint8, n), make([]int32, n/2), make([]int32, 2*n)
	sum, ones := make([]int32, n), written(n)
	for i := range first {
		first[i] = int32(min(2*i, n-4))
	}
	run := func(name string, elements int, call func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				call()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*elements), "ns/element")
		})
	}
	for _, s := range Available() {
		run(s.Name+"/Quantize", n, func() { s.Quantize(q, scale, x, n/16) })
		run(s.Name+"/Dequantize", n, func() { s.Dequantize(x, q, scale, n/16) })
		run(s.Name+"/JFIF", n, func() { s.JFIF(rgbx, y, y, y) })
		run(s.Name+"/Across4", n/2, func() { s.Across(rgbx[:n/2], rgbx, first, weight) })
		run(s.Name+"/AddScaled", n, func() { s.AddScaled(sum, y, 1) })
		run(s.Name+"/Rounded", n, func() { s.Rounded(y, sum) })
		run(s.Name+"/Floats", n, func() { s.Floats(x, y, ones, ones) })
	}
}
