package wire

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"google.golang.org/protobuf/encoding/protowire"
)

// Tensor is an ONNX TensorProto: a constant, its bytes left where they lie.
type Tensor struct {
	Name     string
	DType    DType
	Dims     []int64 // none for a scalar
	External []KV    // location, offset, length, checksum of external data; nil when inside

	data  []byte           // raw data, or typed data in packed form
	field protowire.Number // which field data came from; 0 when there is none
}

// Fields of TensorProto.
const (
	tensorDims     = 1
	tensorDType    = 2
	tensorSegment  = 3
	tensorFloats   = 4
	tensorInt32s   = 5
	tensorStrings  = 6
	tensorInt64s   = 7
	tensorName     = 8
	tensorRaw      = 9
	tensorDoubles  = 10
	tensorUint64s  = 11
	tensorExternal = 13
	tensorLocation = 14
)

// Float32Tensor is a FLOAT tensor of a copy of v, which must have as many values as dims say.
func Float32Tensor(name string, dims []int64, v []float32) *Tensor {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = protowire.AppendFixed32(raw, math.Float32bits(x))
	}
	return &Tensor{Name: name, DType: Float, Dims: dims, data: raw, field: tensorRaw}
}

// Int64Tensor is an INT64 tensor of a copy of v, which must have as many values as dims say.
func Int64Tensor(name string, dims []int64, v []int64) *Tensor {
	raw := make([]byte, 0, 8*len(v))
	for _, x := range v {
		raw = protowire.AppendFixed64(raw, uint64(x))
	}
	return &Tensor{Name: name, DType: Int64, Dims: dims, data: raw, field: tensorRaw}
}

// Raw is the raw data of the tensor without a copy, nil when it lies elsewhere.
func (t *Tensor) Raw() []byte {
	if t.field != tensorRaw {
		return nil
	}
	return t.data
}

// Elems is the number of elements. A negative axis, or more than MaxElems, is an error.
func (t *Tensor) Elems() (int, error) { return elems(t.Dims) }

func elems(dims []int64) (int, error) {
	n, empty := uint64(1), false
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has an axis of length %d", dims, d)
		}
		if d == 0 {
			empty = true
			continue
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > MaxElems {
			return 0, fmt.Errorf("shape %v has more than %d elements", dims, MaxElems)
		}
		n = lo
	}
	if empty {
		return 0, nil
	}
	return int(n), nil
}

func readTensor(f field) (*Tensor, error) {
	r := tensorReader{t: &Tensor{}}
	err := f.message(r.field)
	if err == nil {
		err = r.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", r.t.Name, err)
	}
	return r.t, nil
}

// tensorReader gathers one tensor.
type tensorReader struct {
	t        *Tensor
	dims     []byte // packed
	external bool   // data_location says so
}

// wireTypes gives the packed element type of each field of typed data.
var wireTypes = map[protowire.Number]protowire.Type{
	tensorFloats: protowire.Fixed32Type, tensorDoubles: protowire.Fixed64Type,
	tensorInt32s: protowire.VarintType, tensorInt64s: protowire.VarintType, tensorUint64s: protowire.VarintType,
}

func (r *tensorReader) field(f field) (err error) {
	t := r.t
	switch f.num {
	case tensorDims:
		r.dims, err = f.appendPacked(r.dims, protowire.VarintType)
	case tensorDType:
		var d int64
		d, err = f.int()
		t.DType = DType(d)
	case tensorName:
		t.Name, err = f.name()
	case tensorRaw, tensorFloats, tensorInt32s, tensorInt64s, tensorDoubles, tensorUint64s:
		err = t.takeData(f)
	case tensorExternal:
		t.External, err = appendKV(t.External, f)
	case tensorLocation:
		var v int64
		v, err = f.int()
		r.external = v == 1
	case tensorSegment:
		err = errors.New("segmented tensors are not supported")
	}
	return err
}

// takeData keeps the data of field f; an empty field counts as none.
func (t *Tensor) takeData(f field) (err error) {
	if f.typ == protowire.BytesType && len(f.bytes) == 0 {
		return nil
	}
	if t.field != 0 && (t.field != f.num || f.num == tensorRaw) {
		return fmt.Errorf("data is given twice, in fields %d and %d", t.field, f.num)
	}
	t.field = f.num
	if f.num == tensorRaw {
		t.data = f.bytes
		return f.want(protowire.BytesType)
	}
	t.data, err = f.appendPacked(t.data, wireTypes[f.num])
	return err
}

// finish unpacks the shape and holds the data against it.
func (r *tensorReader) finish() error {
	t := r.t
	for b := r.dims; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return fmt.Errorf("dims: %w", protowire.ParseError(n))
		}
		if len(t.Dims) == MaxRank {
			return fmt.Errorf("more than %d axes", MaxRank)
		}
		t.Dims = append(t.Dims, int64(v))
		b = b[n:]
	}
	if !r.external {
		t.External = nil
	} else if t.External == nil {
		return errors.New("data is external, but no location is given")
	}
	return t.check()
}

// check refuses a shape that is out of bounds and data that does not fill it exactly. Types
// that cannot be read are not looked into; asking for their values is the error.
func (t *Tensor) check() error {
	n, err := t.Elems()
	if err != nil || t.DType.Bytes() == 0 {
		return err
	}
	if t.External != nil {
		if t.field != 0 {
			return errors.New("data is both external and in the file")
		}
		return nil
	}
	return t.checkData(n)
}

func (t *Tensor) checkData(n int) error {
	switch {
	case t.field == 0 && n > 0:
		return fmt.Errorf("no data for shape %v", t.Dims)
	case t.field == 0:
		return nil
	case t.field == tensorRaw && len(t.data) != n*t.DType.Bytes():
		return fmt.Errorf("%d bytes of raw data, %s of shape %v wants %d", len(t.data), t.DType, t.Dims, n*t.DType.Bytes())
	case t.field == tensorRaw:
		return nil
	case t.field != dtypes[t.DType].field:
		return fmt.Errorf("values are in field %d, %s wants them in field %d", t.field, t.DType, dtypes[t.DType].field)
	}
	if got := t.count(); got != n {
		return fmt.Errorf("%d values, shape %v wants %d", got, t.Dims, n)
	}
	return nil
}

// count is the number of values of typed data; -1 when it ends inside one.
func (t *Tensor) count() int {
	switch wireTypes[t.field] {
	case protowire.Fixed32Type:
		return exactly(len(t.data), 4)
	case protowire.Fixed64Type:
		return exactly(len(t.data), 8)
	}
	n := 0
	for _, c := range t.data {
		if c < 0x80 { // the last byte of a varint
			n++
		}
	}
	if t.data[len(t.data)-1] >= 0x80 {
		return -1
	}
	return n
}

func exactly(bytes, size int) int {
	if bytes%size != 0 {
		return -1
	}
	return bytes / size
}
