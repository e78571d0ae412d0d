package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Encode writes f to w. The same content gives the same bytes.
func Encode(w io.Writer, f *File) error {
	entries, err := describe(f)
	if err != nil {
		return err
	}
	header, err := encodeHeader(f, entries)
	if err != nil {
		return err
	}
	size := place(len(header), entries)
	if size > MaxFileBytes {
		return fmt.Errorf("checkpoint of %d bytes, at most %d allowed", size, uint64(MaxFileBytes))
	}
	if header, err = encodeHeader(f, entries); err != nil { // the same length, now with offsets
		return err
	}
	return encodeFile(w, f, entries, header, size)
}

// Size is the bytes that Encode writes of f, or a little more: the values, and so their checksums,
// are not looked at.
func Size(f *File) (int64, error) {
	entries := make([]entry, len(f.Tensors))
	for i := range f.Tensors {
		entries[i] = f.Tensors[i].entry()
		entries[i].crc = math.MaxUint32 // the longest
	}
	header, err := encodeHeader(f, entries)
	return int64(place(len(header), entries)), err
}

// entry is what the header says of a tensor but for offset and checksum.
func (t *Tensor) entry() entry {
	_, n := t.values()
	e := entry{name: t.Name, dtype: t.dtype(), shape: t.Shape}
	e.bytes = uint64(n) * itemBytes(e.dtype)
	return e
}

// describe makes the entries of all tensors but for the offsets, and refuses what could not be
// read back.
func describe(f *File) ([]entry, error) {
	entries := make([]entry, len(f.Tensors))
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		e := t.entry()
		t.chunks(func(b []byte) error {
			e.crc = crc32.Update(e.crc, castagnoli, b)
			return nil
		})
		entries[i] = e
	}
	return entries, checkEntries(entries)
}

// encodeHeader writes the header; its length does not depend on the offsets.
func encodeHeader(f *File, entries []entry) ([]byte, error) {
	e := NewEnc()
	e.mapLen(4)
	e.String("kind")
	e.name(f.Kind)
	e.String("meta")
	PutMap(e, f.Meta, e.String)
	e.String("body")
	e.Blob(f.Body)
	e.String("tensors")
	e.list(len(entries), MaxTensors)
	for i := range entries {
		e.entry(&entries[i])
	}
	b, err := e.Bytes()
	if err != nil {
		return nil, fmt.Errorf("checkpoint header: %w", err)
	}
	return b, nil
}

func (e *Enc) entry(t *entry) {
	e.mapLen(6)
	e.String("name")
	e.name(t.name)
	e.String("dtype")
	e.String(t.dtype)
	e.String("shape")
	e.Ints(t.shape)
	e.String("offset")
	e.fixed64(t.offset)
	e.String("bytes")
	e.Uint64(t.bytes)
	e.String("crc32c")
	e.Uint64(uint64(t.crc))
}

func encodeFile(w io.Writer, f *File, entries []entry, header []byte, size uint64) error {
	hash := sha256.New()
	out := io.MultiWriter(w, hash)
	p := prologue{header: uint32(len(header)), file: size, crc: crc32.Checksum(header, castagnoli)}
	if _, err := out.Write(p.append(nil)); err != nil {
		return err
	}
	if _, err := out.Write(header); err != nil {
		return err
	}
	at := uint64(prologueBytes + len(header))
	for i, e := range entries {
		if _, err := out.Write(e.appendGap(nil, at)); err != nil {
			return err
		}
		if err := f.Tensors[i].chunks(writeTo(out)); err != nil {
			return err
		}
		at = e.offset + e.bytes
	}
	if _, err := io.WriteString(out, trailerHead); err != nil {
		return err
	}
	_, err := w.Write(hash.Sum(nil))
	return err
}

func writeTo(w io.Writer) func([]byte) error {
	return func(b []byte) error {
		_, err := w.Write(b)
		return err
	}
}

const chunkItems = 8 << 10

// chunks calls visit with the values as little-endian bytes, piece by piece.
func (t *Tensor) chunks(visit func([]byte) error) error {
	switch t.dtype() {
	case u8:
		return visit(t.U8)
	case i64:
		return chunks(t.I64, visit)
	}
	return chunks(t.F32, visit)
}

func chunks[T float32 | int64](v []T, visit func([]byte) error) error {
	var buf []byte
	for len(v) > 0 {
		n := min(len(v), chunkItems)
		var err error
		if buf, err = binary.Append(buf[:0], le, v[:n]); err != nil {
			return err
		}
		if err := visit(buf); err != nil {
			return err
		}
		v = v[n:]
	}
	return nil
}
