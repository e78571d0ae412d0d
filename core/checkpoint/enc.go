package checkpoint

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/vmihailenco/msgpack/v5"
)

// Limits on the values of a body. Longer lists of numbers belong in a Tensor.
const (
	MaxItems       = 1 << 20 // of one list or map
	MaxStringBytes = 1 << 20
)

// Enc writes a body: values one after the other, read back by the same calls of Dec in the
// same order. It keeps the first error, for Bytes to return.
//
//	e := checkpoint.NewEnc()
//	e.String("epoch")
//	e.Int(3)
//	e.List(len(layers))
//	for _, l := range layers {
//		e.String(l.Name)
//		e.Ints(l.Shape)
//	}
//	body, err := e.Bytes()
type Enc struct {
	buf bytes.Buffer
	e   *msgpack.Encoder
	err error
}

// NewEnc returns an encoder of an empty body.
func NewEnc() *Enc {
	e := &Enc{}
	e.e = msgpack.NewEncoder(&e.buf)
	return e
}

// Bytes is what was written, or the first error: a value above a limit of this package.
func (e *Enc) Bytes() ([]byte, error) {
	if e.err == nil && e.buf.Len() > MaxHeaderBytes {
		e.err = fmt.Errorf("%d bytes, at most %d allowed", e.buf.Len(), MaxHeaderBytes)
	}
	if e.err != nil {
		return nil, e.err
	}
	return e.buf.Bytes(), nil
}

// keep notes the first error.
func (e *Enc) keep(err error) {
	if e.err == nil {
		e.err = err
	}
}

// limit notes that n is above most.
func (e *Enc) limit(what string, n, most int) {
	if n > most && e.err == nil {
		e.err = fmt.Errorf("%s of %d, at most %d allowed", what, n, most)
	}
}

// Int writes v.
func (e *Enc) Int(v int) { e.keep(e.e.EncodeInt(int64(v))) }

// Uint64 writes v, as for seeds.
func (e *Enc) Uint64(v uint64) { e.keep(e.e.EncodeUint(v)) }

// fixed64 writes v in nine bytes whatever it is.
func (e *Enc) fixed64(v uint64) { e.keep(e.e.EncodeUint64(v)) }

// Float writes v to the last bit.
func (e *Enc) Float(v float64) { e.keep(e.e.EncodeFloat64(v)) }

// Bool writes v.
func (e *Enc) Bool(v bool) { e.keep(e.e.EncodeBool(v)) }

// String writes v, of at most MaxStringBytes.
func (e *Enc) String(v string) {
	e.limit("string bytes", len(v), MaxStringBytes)
	e.keep(e.e.EncodeString(v))
}

// name writes a string of at most MaxNameBytes.
func (e *Enc) name(v string) {
	e.limit("name bytes", len(v), MaxNameBytes)
	e.String(v)
}

// Blob writes v, such as a body within a body, of at most MaxHeaderBytes.
func (e *Enc) Blob(v []byte) {
	e.limit("blob bytes", len(v), MaxHeaderBytes)
	e.keep(e.e.EncodeBytesLen(len(v)))
	e.buf.Write(v)
}

// List begins a list of n values, of at most MaxItems; the caller writes the values.
func (e *Enc) List(n int) { e.list(n, MaxItems) }

func (e *Enc) list(n, most int) {
	e.limit("list items", n, most)
	e.keep(e.e.EncodeArrayLen(n))
}

func (e *Enc) mapLen(n int) {
	e.limit("map entries", n, MaxItems)
	e.keep(e.e.EncodeMapLen(n))
}

// Ints writes a list of integers.
func (e *Enc) Ints(v []int) {
	e.List(len(v))
	for _, x := range v {
		e.Int(x)
	}
}

// Floats writes a list of floats to the last bit.
func (e *Enc) Floats(v []float64) {
	e.List(len(v))
	for _, x := range v {
		e.Float(x)
	}
}

// Strings writes a list of strings.
func (e *Enc) Strings(v []string) {
	e.List(len(v))
	for _, x := range v {
		e.String(x)
	}
}

// PutMap writes m in the order of its keys, so that the same map gives the same bytes; put
// writes a value, as in PutMap(e, m, e.Int).
func PutMap[V any](e *Enc, m map[string]V, put func(V)) {
	e.mapLen(len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.name(k)
		put(m[k])
	}
}
