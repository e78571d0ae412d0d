package checkpoint

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// Dec reads what Enc wrote. Bytes from anywhere are safe: no length is believed beyond the
// bytes that are left and the limits of this package, and no call reads a value within a value
// on its own, so nesting is as deep as the caller's code. After the first error every call
// returns zero, and lists are empty, so that a reader checks once, with Close:
//
//	d := checkpoint.NewDec(body)
//	d.Expect("epoch")
//	epoch := d.Int()
//	layers := make([]layer, d.List())
//	for i := range layers {
//		layers[i] = layer{Name: d.String(), Shape: d.Ints()}
//	}
//	if err := d.Close(); err != nil { … }
//
// What the values mean is still the caller's to check.
type Dec struct {
	r    *bytes.Reader
	d    *msgpack.Decoder
	err  error
	size int
}

// NewDec returns a decoder of body, which must not change while it is read.
func NewDec(body []byte) *Dec {
	r := bytes.NewReader(body)
	return &Dec{r: r, d: msgpack.NewDecoder(r), size: len(body)}
}

// Err is the first error so far.
func (d *Dec) Err() error { return d.err }

// Close is the first error, or one when bytes are left over.
func (d *Dec) Close() error {
	if d.err == nil && d.r.Len() > 0 {
		d.fail("%d bytes left over", d.r.Len())
	}
	return d.err
}

// fail notes the first error and where it was found.
func (d *Dec) fail(format string, args ...any) {
	if d.err == nil {
		at := d.size - d.r.Len()
		d.err = fmt.Errorf("byte %d of %d: %w", at, d.size, fmt.Errorf(format, args...))
	}
}

// get reads one value unless there was an error.
func get[T any](d *Dec, what string, read func() (T, error)) (v T) {
	if d.err != nil {
		return v
	}
	v, err := read()
	if err != nil {
		d.fail("%s: %w", what, err)
		var zero T
		return zero
	}
	return v
}

// Int reads an integer.
func (d *Dec) Int() int { return int(get(d, "integer", d.d.DecodeInt64)) }

// Uint64 reads an unsigned integer.
func (d *Dec) Uint64() uint64 { return get(d, "integer", d.d.DecodeUint64) }

// Float reads a float.
func (d *Dec) Float() float64 { return get(d, "float", d.d.DecodeFloat64) }

// Bool reads a truth value.
func (d *Dec) Bool() bool { return get(d, "truth value", d.d.DecodeBool) }

// length reads the length of something of which each item takes at least one byte.
func (d *Dec) length(what string, most int, read func() (int, error)) int {
	n := get(d, what, read)
	switch {
	case n < 0:
		d.fail("%s is missing", what)
	case n > most:
		d.fail("%s of %d, at most %d allowed", what, n, most)
	case n > d.r.Len():
		d.fail("%s of %d, %d bytes are left", what, n, d.r.Len())
	}
	if d.err != nil {
		return 0
	}
	return n
}

func (d *Dec) bytes(what string, most int) []byte {
	b := make([]byte, d.length(what, most, d.d.DecodeBytesLen))
	if d.err == nil {
		if err := d.d.ReadFull(b); err != nil {
			d.fail("%s: %w", what, err)
		}
	}
	return b
}

// String reads a string.
func (d *Dec) String() string { return string(d.bytes("string bytes", MaxStringBytes)) }

func (d *Dec) name() string { return string(d.bytes("name bytes", MaxNameBytes)) }

// Blob reads bytes; none are nil.
func (d *Dec) Blob() []byte {
	b := d.bytes("blob bytes", MaxHeaderBytes)
	if len(b) == 0 {
		return nil
	}
	return b
}

// Expect reads a string and wants it to be key: a mark that the reader is where it thinks.
func (d *Dec) Expect(key string) {
	if got := d.name(); d.err == nil && got != key {
		d.fail("found %.40q, want %q", got, key)
	}
}

// List reads the length of a list; the caller reads the values.
func (d *Dec) List() int { return d.list(MaxItems) }

func (d *Dec) list(most int) int { return d.length("list items", most, d.d.DecodeArrayLen) }

// mapLen wants a map of n entries.
func (d *Dec) mapLen(n int) {
	if got := d.length("map entries", MaxItems, d.d.DecodeMapLen); d.err == nil && got != n {
		d.fail("map of %d entries, want %d", got, n)
	}
}

// binLen reads the head of a bin whose content is not in the body.
func (d *Dec) binLen() uint64 { return uint64(get(d, "bin", d.d.DecodeBytesLen)) }

// Ints reads a list of integers, nil when it is empty.
func (d *Dec) Ints() []int { return list(d, d.Int) }

// Floats reads a list of floats, nil when it is empty.
func (d *Dec) Floats() []float64 { return list(d, d.Float) }

// Strings reads a list of strings, nil when it is empty.
func (d *Dec) Strings() []string { return list(d, d.String) }

func list[V any](d *Dec, get func() V) (v []V) {
	n := d.List()
	if n > 0 {
		v = make([]V, 0, n)
	}
	for range n {
		if v = append(v, get()); d.err != nil {
			return nil
		}
	}
	return v
}

// GetMap reads what PutMap wrote, nil when it is empty; get reads a value, as in
// GetMap(d, d.Int). A key that occurs twice is an error.
func GetMap[V any](d *Dec, get func() V) (m map[string]V) {
	n := d.length("map entries", MaxItems, d.d.DecodeMapLen)
	if n > 0 {
		m = map[string]V{}
	}
	for range n {
		k, v := d.name(), get()
		if _, ok := m[k]; ok {
			d.fail("key %.40q is there twice", k)
		}
		if d.err != nil {
			return nil
		}
		m[k] = v
	}
	return m
}
