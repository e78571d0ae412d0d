// Package checkpoint keeps models and training states in files that survive power cuts and are
// refused when they are damaged.
//
// A file is, in this order, integers of the prologue little-endian:
//
//	prologue  32 bytes: magic "secateur", version u32, header bytes u32, file bytes u64,
//	          crc32c of the header u32, crc32c of the 28 bytes before u32
//	header    msgpack map of kind, meta, body and tensors; each tensor a map of name, dtype,
//	          shape, offset, bytes, crc32c
//	payloads  per tensor: zero bytes (msgpack reads them as the number 0), then msgpack bin32
//	          whose content, little-endian values, begins at a multiple of 64
//	trailer   msgpack bin8 of 32 bytes: sha256 of everything before those 32
//
// so that everything behind the prologue is a plain msgpack stream, and a payload can be mapped
// into memory as it lies. The same content gives the same bytes. A reader checks lengths and
// sha256 before it decodes anything, decodes with bounds of its own (msgpack's have none), and
// says which part is damaged.
package checkpoint

import (
	"fmt"
	"io"
	"math"
	"math/bits"

	"github.com/secateur/secateur/device/durable"
)

// Limits on what is written and read.
const (
	MaxFileBytes   = 4 << 30
	MaxHeaderBytes = 16 << 20 // meta and body included
	MaxTensors     = 100_000
	MaxNameBytes   = 4 << 10 // names of tensors, the kind, keys of meta
	MaxRank        = 16
	MaxElems       = 1<<31 - 1 // elements of one tensor
)

// File is the content of a checkpoint. An empty Meta or Body is read back as nil.
type File struct {
	Kind    string            // what Body is, as in "model" or "train"
	Meta    map[string]string // what a reader may show without knowing the kind
	Body    []byte            // msgpack of the owner, made with Enc and read with Dec
	Tensors []Tensor          // order kept, names unique
}

// Tensor is a named array in row-major order. One of F32, U8 and I64 holds its values, as many
// as the product of Shape says; a scalar has no axes and one value.
type Tensor struct {
	Name  string
	Shape []int
	F32   []float32
	U8    []byte
	I64   []int64
}

// Types of values as the header names them.
const (
	f32 = "f32"
	u8  = "u8"
	i64 = "i64"
)

// dtype is the type of the values that t holds, f32 when it holds none.
func (t *Tensor) dtype() string {
	switch {
	case t.U8 != nil:
		return u8
	case t.I64 != nil:
		return i64
	}
	return f32
}

// values is the slice that holds the values, and its length.
func (t *Tensor) values() (slice any, n int) {
	switch t.dtype() {
	case u8:
		return t.U8, len(t.U8)
	case i64:
		return t.I64, len(t.I64)
	}
	return t.F32, len(t.F32)
}

// check refuses a tensor whose values are not as many as its shape says.
func (t *Tensor) check() error {
	n, err := elems(t.Shape)
	if err != nil {
		return err
	}
	kinds := 0
	for _, there := range []bool{t.F32 != nil, t.U8 != nil, t.I64 != nil} {
		if there {
			kinds++
		}
	}
	if kinds > 1 {
		return fmt.Errorf("values of %d types, want one", kinds)
	}
	if _, got := t.values(); got != n {
		return fmt.Errorf("%d values, shape %v wants %d", got, t.Shape, n)
	}
	return nil
}

// elems is the product of shape, checked.
func elems(shape []int) (int, error) {
	if len(shape) > MaxRank {
		return 0, fmt.Errorf("%d axes, at most %d allowed", len(shape), MaxRank)
	}
	n, empty := uint64(1), false
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has an axis of length %d", shape, d)
		}
		if d == 0 {
			empty = true
			continue
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > MaxElems {
			return 0, fmt.Errorf("shape %v has more than %d elements", shape, MaxElems)
		}
		n = lo
	}
	if empty {
		return 0, nil
	}
	return int(n), nil
}

// itemBytes is the size of one value of type dtype, 0 for an unknown type.
func itemBytes(dtype string) uint64 {
	switch dtype {
	case f32:
		return 4
	case u8:
		return 1
	case i64:
		return 8
	}
	return 0
}

// maxPayload is what msgpack bin32 can hold.
const maxPayload = math.MaxUint32

// Write puts f into the file at path, durably: after a power cut at any moment the file is
// either as it was or as it should be. On an error the old file is untouched and nothing is
// left behind; errors.Is finds syscall.ENOSPC and the like in it.
func Write(path string, f *File) error { return write(durable.Disk{}, path, f) }

func write(fs durable.FS, path string, f *File) error {
	return durable.Stream(fs, path, func(w io.Writer) error { return Encode(w, f) })
}
