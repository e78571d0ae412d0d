package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

var le = binary.LittleEndian

// Float32s is a copy of the values as float32, in ONNX's row-major order. Floating point,
// integer and BOOL tensors convert; DOUBLE and large integers are rounded. External data is
// read below dir, the folder of the model.
func (t *Tensor) Float32s(dir string) ([]float32, error) {
	if to := toFloat[t.DType]; to != nil {
		return convert(t, dir, to)
	}
	to := toInt[t.DType]
	if to == nil {
		return nil, t.cannot("numbers")
	}
	return convert(t, dir, func(b []byte) float32 { return float32(to(b)) })
}

// Int64s is a copy of the values as int64, in ONNX's row-major order. Integer and BOOL tensors
// convert. External data is read below dir, the folder of the model.
func (t *Tensor) Int64s(dir string) ([]int64, error) {
	to := toInt[t.DType]
	if to == nil || t.DType == Uint64 {
		return nil, t.cannot("int64")
	}
	return convert(t, dir, to)
}

// Bools is a copy of the values, true where they are not zero. Integer and BOOL tensors
// convert. External data is read below dir, the folder of the model.
func (t *Tensor) Bools(dir string) ([]bool, error) {
	to := toInt[t.DType]
	if to == nil {
		return nil, t.cannot("bool")
	}
	return convert(t, dir, func(b []byte) bool { return to(b) != 0 })
}

func (t *Tensor) cannot(what string) error {
	return fmt.Errorf("tensor %q: cannot read %s as %s", t.Name, t.DType, what)
}

// toInt reads one integer element.
var toInt = map[DType]func([]byte) int64{
	Uint8:  func(b []byte) int64 { return int64(b[0]) },
	Int8:   func(b []byte) int64 { return int64(int8(b[0])) },
	Bool:   func(b []byte) int64 { return int64(min(b[0], 1)) },
	Uint16: func(b []byte) int64 { return int64(le.Uint16(b)) },
	Int16:  func(b []byte) int64 { return int64(int16(le.Uint16(b))) },
	Uint32: func(b []byte) int64 { return int64(le.Uint32(b)) },
	Int32:  func(b []byte) int64 { return int64(int32(le.Uint32(b))) },
	Int64:  func(b []byte) int64 { return int64(le.Uint64(b)) },
	Uint64: func(b []byte) int64 { return int64(le.Uint64(b)) },
}

// toFloat reads one element that int64 cannot hold.
var toFloat = map[DType]func([]byte) float32{
	Float:    func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) },
	Double:   func(b []byte) float32 { return float32(math.Float64frombits(le.Uint64(b))) },
	Float16:  func(b []byte) float32 { return half(le.Uint16(b)) },
	BFloat16: func(b []byte) float32 { return math.Float32frombits(uint32(le.Uint16(b)) << 16) },
	Uint64:   func(b []byte) float32 { return float32(le.Uint64(b)) },
}

func convert[T any](t *Tensor, dir string, to func([]byte) T) ([]T, error) {
	b, err := t.bytes(dir)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	size := t.DType.Bytes()
	out := make([]T, len(b)/size)
	for i := range out {
		out[i] = to(b[i*size:])
	}
	return out, nil
}

// bytes is the tensor as raw data, wherever it lies.
func (t *Tensor) bytes(dir string) ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	switch {
	case t.External != nil:
		return t.readExternal(dir)
	case t.field != 0 && t.field != tensorRaw && wireTypes[t.field] == protowire.VarintType:
		return t.unpack()
	}
	return t.data, nil // fixed-width typed data is packed just as raw data is
}

// unpack turns varints into raw data: the low bytes of each are the element.
func (t *Tensor) unpack() ([]byte, error) {
	size := t.DType.Bytes()
	raw := make([]byte, 0, t.count()*size)
	for b := t.data; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, fmt.Errorf("field %d: %w", t.field, protowire.ParseError(n))
		}
		raw = le.AppendUint64(raw, v)[:len(raw)+size]
		b = b[n:]
	}
	return raw, nil
}

// half converts IEEE 754 binary16: sign 1, exponent 5, fraction 10 bits.
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&0x3ff
	switch exp {
	case 0: // zero and subnormals, multiples of 2^-24
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(sign | math.Float32bits(v))
	case 31: // infinities and NaN
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
