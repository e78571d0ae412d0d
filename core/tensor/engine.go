package tensor

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/secateur/secateur/kernels"
	gorgonia "gorgonia.org/tensor"
)

// Engine lets gorgonia.org/tensor run MatMul, MatVecMul and element-wise arithmetic of float32
// tensors on our kernels. It does not embed StdEng: what it lacks fails with an error instead of
// running somewhere else. It is for users of our tensors; no training step goes through it.
type Engine struct{}

var set = sync.OnceValue(func() kernels.Set {
	s, err := kernels.Default()
	if err != nil {
		return kernels.Generic()
	}
	return s
})

// block is memory handed to gorgonia.
type block struct{ data []float32 }

// Uintptr is the address of the first element.
func (b block) Uintptr() uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b.data))) }

// MemSize is counted in bytes.
func (b block) MemSize() uintptr { return uintptr(4 * len(b.data)) }

// recent keeps the last blocks alive while gorgonia turns their address into a slice: between
// the two only a uintptr knows of them.
var recent struct {
	sync.Mutex
	at   int
	data [8][]float32
}

// NonStdAlloc makes gorgonia call Alloc.
func (Engine) NonStdAlloc() {}

// AllocAccessible is true: the memory is Go's.
func (Engine) AllocAccessible() bool { return true }

// Alloc is aligned, zeroed memory of size bytes.
func (Engine) Alloc(size int64) (gorgonia.Memory, error) {
	if size < 0 || size/4 > MaxElems {
		return nil, fmt.Errorf("tensor: cannot allocate %d bytes", size)
	}
	b := block{Floats(int(size+3) / 4)}
	recent.Lock()
	recent.data[recent.at%len(recent.data)] = b.data
	recent.at++
	recent.Unlock()
	return b, nil
}

// Free does nothing: the collector owns the memory.
func (Engine) Free(gorgonia.Memory, int64) error { return nil }

// Memset fills dense memory with one value.
func (Engine) Memset(mem gorgonia.Memory, val interface{}) error {
	if m, ok := mem.(gorgonia.MemSetter); ok {
		return m.Memset(val)
	}
	return fmt.Errorf("tensor: cannot set %T", mem)
}

// Memclr zeroes dense memory.
func (Engine) Memclr(mem gorgonia.Memory) {
	if z, ok := mem.(gorgonia.Zeroer); ok {
		z.Zero()
	}
}

// Memcpy copies as many bytes as both sides have.
func (Engine) Memcpy(dst, src gorgonia.Memory) error {
	copy(bytesOf(dst), bytesOf(src))
	return nil
}

func bytesOf(m gorgonia.Memory) []byte {
	p := m.Uintptr()
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), m.MemSize())
}

// Accessible is mem itself.
func (Engine) Accessible(mem gorgonia.Memory) (gorgonia.Memory, error) { return mem, nil }

// WorksWith row-major, contiguous data.
func (Engine) WorksWith(order gorgonia.DataOrder) bool {
	return order.IsRowMajor() && order.IsContiguous()
}

// MatMul is out = a·b for a M×K, b K×N, out M×N.
func (Engine) MatMul(a, b, out gorgonia.Tensor) error {
	v, s, err := valuesOf(a, b, out)
	if err != nil {
		return err
	}
	k := set()
	m, n, kk := s[0][0], s[1][1], s[0][1]
	packed := Floats(k.PackSize(kk, n))
	k.PackB(packed, v[1], n, kk, n)
	k.Gemm(v[2], n, v[0], kk, packed, m, n, kk, false)
	return nil
}

// MatVecMul is out = a·x for a M×K, x K, out M.
func (Engine) MatVecMul(a, x, out gorgonia.Tensor) error {
	v, s, err := valuesOf(a, x, out)
	if err != nil {
		return err
	}
	kk := s[0][1]
	for i := range v[2] {
		v[2][i] = float32(set().Dot(v[0][i*kk:(i+1)*kk], v[1][:kk]))
	}
	return nil
}

// Add is a + b of equal shapes.
func (Engine) Add(a, b gorgonia.Tensor, opts ...gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	return elementwise("Add", set().Add, a, b, opts)
}

// Sub is a - b of equal shapes.
func (Engine) Sub(a, b gorgonia.Tensor, opts ...gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	return elementwise("Sub", set().Sub, a, b, opts)
}

// Mul is a·b, element by element.
func (Engine) Mul(a, b gorgonia.Tensor, opts ...gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	return elementwise("Mul", set().Mul, a, b, opts)
}

// Div is a / b, element by element.
func (Engine) Div(a, b gorgonia.Tensor, opts ...gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	return elementwise("Div", set().Div, a, b, opts)
}

// AddScalar is a + s.
func (e Engine) AddScalar(a gorgonia.Tensor, s interface{}, left bool, opts ...gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	return scalar(e.Add, a, s, left, opts)
}

// SubScalar is a - s, or s - a when the tensor stands right.
func (e Engine) SubScalar(a gorgonia.Tensor, s interface{}, left bool, opts ...gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	return scalar(e.Sub, a, s, left, opts)
}

// MulScalar is a·s.
func (e Engine) MulScalar(a gorgonia.Tensor, s interface{}, left bool, opts ...gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	return scalar(e.Mul, a, s, left, opts)
}

// DivScalar is a / s, or s / a when the tensor stands right.
func (e Engine) DivScalar(a gorgonia.Tensor, s interface{}, left bool, opts ...gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	return scalar(e.Div, a, s, left, opts)
}

// elementwise honours the options that gorgonia's callers use: reuse and unsafe.
func elementwise(name string, f func(y, a, b []float32), a, b gorgonia.Tensor, opts []gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	fo := gorgonia.ParseFuncOpts(opts...)
	out := fo.Reuse()
	if fo.Incr() != nil || fo.Same() {
		return nil, fmt.Errorf("tensor: %s does not support WithIncr or AsSameType", name)
	}
	if out == nil && !fo.Safe() {
		out = a
	}
	if out == nil {
		out = gorgonia.New(gorgonia.WithShape(a.Shape()...), gorgonia.Of(gorgonia.Float32), gorgonia.WithEngine(Engine{}))
	}
	v, s, err := valuesOf(a, b, out)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !s[0].Equal(s[1]) || !s[0].Equal(s[2]) {
		return nil, fmt.Errorf("tensor: %s of %v and %v into %v, want equal shapes", name, s[0], s[1], s[2])
	}
	f(v[2], v[0], v[1])
	return out, nil
}

// scalar spreads s over a tensor of a's shape.
func scalar(f func(a, b gorgonia.Tensor, opts ...gorgonia.FuncOpt) (gorgonia.Tensor, error), a gorgonia.Tensor, s interface{}, left bool, opts []gorgonia.FuncOpt) (gorgonia.Tensor, error) {
	if t, ok := s.(gorgonia.Tensor); ok {
		s = t.ScalarValue()
	}
	x, ok := s.(float32)
	if !ok {
		return nil, fmt.Errorf("tensor: scalar is %T, want float32", s)
	}
	spread := Floats(a.Shape().TotalSize())
	set().Fill(spread, x)
	b := Wrap(spread, Shape(a.Shape()))
	if left {
		return f(a, b, opts...)
	}
	return f(b, a, opts...)
}

func valuesOf(ts ...gorgonia.Tensor) (v [3][]float32, s [3]Shape, err error) {
	for i, t := range ts {
		d, ok := t.(*gorgonia.Dense)
		if !ok {
			return v, s, fmt.Errorf("tensor: %T, want *Dense", t)
		}
		if v[i], s[i], err = Values(d); err != nil {
			return v, s, err
		}
	}
	return v, s, nil
}
