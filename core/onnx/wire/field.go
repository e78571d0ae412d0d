package wire

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a protobuf message as it lies in the file.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	bits  uint64 // value of a varint, fixed32 or fixed64
	bytes []byte // value of a length-delimited field, pointing into the file
}

// walk calls visit for each field of message b in order. Groups, which ONNX does not use, are
// visited without a value.
func walk(b []byte, visit func(field) error) error {
	for at := 0; at < len(b); {
		f, n, err := next(b[at:])
		if err != nil {
			return fmt.Errorf("byte %d of %d: %w", at, len(b), err)
		}
		if err := visit(f); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// next takes the first field of b and says how many bytes it takes.
func next(b []byte) (f field, n int, err error) {
	f.num, f.typ, n = protowire.ConsumeTag(b)
	if n < 0 {
		return f, 0, fmt.Errorf("field tag: %w", protowire.ParseError(n))
	}
	m := f.consume(b[n:])
	if m < 0 {
		return f, 0, f.cut(b[n:], m)
	}
	return f, n + m, nil
}

// consume reads the value of f from b and says how many bytes it takes; negative is an error
// of protowire.
func (f *field) consume(b []byte) (n int) {
	switch f.typ {
	case protowire.VarintType:
		f.bits, n = protowire.ConsumeVarint(b)
	case protowire.Fixed64Type:
		f.bits, n = protowire.ConsumeFixed64(b)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(b)
		f.bits = uint64(v)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(b)
		f.bytes = f.bytes[:len(f.bytes):len(f.bytes)]
	default:
		n = protowire.ConsumeFieldValue(f.num, f.typ, b)
	}
	return n
}

// cut is the error for a value that could not be consumed from b.
func (f *field) cut(b []byte, code int) error {
	if size, n := protowire.ConsumeVarint(b); f.typ == protowire.BytesType && n > 0 && size > uint64(len(b)-n) {
		return fmt.Errorf("field %d says %d bytes, %d are left: cut short or damaged", f.num, size, len(b)-n)
	}
	return fmt.Errorf("field %d: %w", f.num, protowire.ParseError(code))
}

func (f field) want(typ protowire.Type) error {
	if f.typ != typ {
		return fmt.Errorf("field %d has wire type %d, want %d", f.num, f.typ, typ)
	}
	return nil
}

func (f field) int() (int64, error) {
	return int64(f.bits), f.want(protowire.VarintType)
}

func (f field) float() (float32, error) {
	return math.Float32frombits(uint32(f.bits)), f.want(protowire.Fixed32Type)
}

// name is a string that identifies something: it must be valid and short.
func (f field) name() (string, error) {
	if err := f.want(protowire.BytesType); err != nil {
		return "", err
	}
	if len(f.bytes) > MaxNameBytes {
		return "", fmt.Errorf("field %d: name of %d bytes, at most %d allowed", f.num, len(f.bytes), MaxNameBytes)
	}
	if !utf8.Valid(f.bytes) {
		return "", fmt.Errorf("field %d: name %.40q is not UTF-8", f.num, f.bytes)
	}
	return string(f.bytes), nil
}

// text is a string for people; what is not UTF-8 in it is replaced.
func (f field) text() (string, error) {
	s, err := f.blob()
	return strings.ToValidUTF8(s, "\uFFFD"), err
}

// blob is a string of any bytes.
func (f field) blob() (string, error) {
	if err := f.want(protowire.BytesType); err != nil {
		return "", err
	}
	if len(f.bytes) > MaxTextBytes {
		return "", fmt.Errorf("field %d: text of %d bytes, at most %d allowed", f.num, len(f.bytes), MaxTextBytes)
	}
	return string(f.bytes), nil
}

// message walks the message that f holds.
func (f field) message(visit func(field) error) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	return walk(f.bytes, visit)
}

// appendPacked appends f, one value or many packed, to the packed form of a repeated field of
// element type typ. Packed values that are the first are not copied.
func (f field) appendPacked(packed []byte, typ protowire.Type) ([]byte, error) {
	switch {
	case f.typ == protowire.BytesType && len(packed) == 0:
		return f.bytes, nil
	case f.typ == protowire.BytesType:
		return append(packed, f.bytes...), nil
	}
	if err := f.want(typ); err != nil {
		return nil, err
	}
	switch typ {
	case protowire.Fixed32Type:
		return protowire.AppendFixed32(packed, uint32(f.bits)), nil
	case protowire.Fixed64Type:
		return protowire.AppendFixed64(packed, f.bits), nil
	}
	return protowire.AppendVarint(packed, f.bits), nil
}
