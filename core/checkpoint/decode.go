package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/secateur/secateur/device/durable"
)

// CorruptError says that a checkpoint is damaged or cut short, and which part of it.
type CorruptError struct {
	Path    string // empty when the bytes did not come from a file
	Part    string // "length", "prologue", "header", `tensor "conv1.w"`, "trailer"
	Problem string
}

func (e *CorruptError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("checkpoint is damaged: %s: %s", e.Part, e.Problem)
	}
	return fmt.Sprintf("checkpoint %s is damaged: %s: %s", e.Path, e.Part, e.Problem)
}

func damaged(part, format string, args ...any) error {
	return &CorruptError{Part: part, Problem: fmt.Sprintf(format, args...)}
}

// Read reads the checkpoint at path. A damaged one is a *CorruptError.
func Read(path string) (*File, error) {
	b, err := readAll(path)
	if err == nil {
		var f *File
		if f, err = Decode(b); err == nil {
			return f, nil
		}
	}
	return nil, withPath(err, path)
}

// withPath says of which file err speaks.
func withPath(err error, path string) error {
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		corrupt.Path = path
		return err
	}
	return fmt.Errorf("read checkpoint %s: %w", path, durable.Plain(err))
}

// readAll reads the file once its prologue says as many bytes as the file has.
func readAll(path string) ([]byte, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, size)
	_, err = io.ReadFull(f, b)
	return b, err
}

// open opens the file, checks its prologue and leaves it at the start.
func open(path string) (f *os.File, size int64, err error) {
	if f, err = os.Open(path); err != nil {
		return nil, 0, err
	}
	if size, err = checkFile(f); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, size, nil
}

func checkFile(f *os.File) (size int64, err error) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, errors.New("not a regular file")
	case info.Size() > MaxFileBytes:
		return 0, damaged("length", "file has %d bytes, at most %d allowed", info.Size(), uint64(MaxFileBytes))
	}
	head := make([]byte, prologueBytes)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return 0, err
	}
	_, err = readPrologue(head[:n], uint64(info.Size()))
	return info.Size(), err
}

// Verify checks the checkpoint at path from its first byte to its last, without holding it in
// memory. A damaged one is a *CorruptError.
func Verify(path string) error {
	f, size, err := open(path)
	if err != nil {
		return withPath(err, path)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.CopyN(hash, f, size-sha256.Size); err != nil {
		return withPath(err, path)
	}
	sum := make([]byte, sha256.Size)
	if _, err := io.ReadFull(f, sum); err != nil {
		return withPath(err, path)
	}
	if !bytes.Equal(sum, hash.Sum(nil)) {
		return withPath(damaged("content", "sha256 differs"), path)
	}
	return nil
}

// Decode reads a checkpoint from the bytes of its file. Nothing of the result points into b.
// Damage is a *CorruptError.
func Decode(b []byte) (*File, error) {
	p, err := readPrologue(b, uint64(len(b)))
	if err != nil {
		return nil, err
	}
	if err := checkSum(b, p); err != nil {
		return nil, err
	}
	f, entries, err := decodeHeader(b, p)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if err := f.Tensors[i].decode(b, e); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// checkSum holds the file against the sha256 in its trailer, and when they differ looks for
// the part that is to blame.
func checkSum(b []byte, p prologue) error {
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); bytes.Equal(got[:], sum) {
		return nil
	}
	header := b[prologueBytes:][:p.header]
	if crc32.Checksum(header, castagnoli) != p.crc {
		return damaged("header", "crc32c differs")
	}
	_, entries, err := decodeHeader(b, p)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := e.check(b); err != nil {
			return err
		}
	}
	return damaged("trailer", "sha256 differs, though header and tensors are whole")
}

// decodeHeader reads the header and holds its offsets against where the payloads must lie: in
// order, aligned, without gaps, up to the trailer.
func decodeHeader(b []byte, p prologue) (*File, []entry, error) {
	d := NewDec(b[prologueBytes:][:p.header])
	f, entries := d.header()
	err := d.Close()
	if err == nil {
		err = checkEntries(entries)
	}
	if err == nil {
		err = checkPlaces(int(p.header), entries, p.file)
	}
	if err != nil {
		return nil, nil, damaged("header", "%v", err)
	}
	return f, entries, nil
}

func (d *Dec) header() (*File, []entry) {
	f := &File{}
	d.mapLen(4)
	d.Expect("kind")
	f.Kind = d.name()
	d.Expect("meta")
	f.Meta = GetMap(d, d.String)
	d.Expect("body")
	f.Body = d.Blob()
	d.Expect("tensors")
	entries := make([]entry, d.list(MaxTensors))
	f.Tensors = make([]Tensor, len(entries))
	for i := range entries {
		entries[i] = d.entry()
		f.Tensors[i] = Tensor{Name: entries[i].name, Shape: entries[i].shape}
	}
	return f, entries
}

func (d *Dec) entry() (e entry) {
	d.mapLen(6)
	d.Expect("name")
	e.name = d.name()
	d.Expect("dtype")
	e.dtype = d.name()
	d.Expect("shape")
	e.shape = d.Ints()
	d.Expect("offset")
	e.offset = d.Uint64()
	d.Expect("bytes")
	e.bytes = d.Uint64()
	d.Expect("crc32c")
	e.crc = uint32(d.Uint64())
	return e
}

// checkEntries refuses names that occur twice, unknown types, and sizes that do not follow
// from the shapes.
func checkEntries(entries []entry) error {
	seen := make(map[string]bool, len(entries))
	for _, e := range entries {
		if seen[e.name] {
			return fmt.Errorf("tensor %q is there twice", e.name)
		}
		seen[e.name] = true
		n, err := elems(e.shape)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", e.name, err)
		}
		item := itemBytes(e.dtype)
		if item == 0 {
			return fmt.Errorf("tensor %q: unknown dtype %q", e.name, e.dtype)
		}
		if want := uint64(n) * item; e.bytes != want || want > maxPayload {
			return fmt.Errorf("tensor %q: %d bytes, shape %v of %s wants %d, at most %d allowed",
				e.name, e.bytes, e.shape, e.dtype, want, uint64(maxPayload))
		}
	}
	return nil
}

func checkPlaces(header int, entries []entry, size uint64) error {
	want := append([]entry(nil), entries...)
	if end := place(header, want); end != size {
		return fmt.Errorf("tensors end at byte %d, the file has %d", end, size)
	}
	for i, e := range entries {
		if e.offset != want[i].offset {
			return fmt.Errorf("tensor %q is at byte %d, want %d", e.name, e.offset, want[i].offset)
		}
	}
	return nil
}

// check holds the payload of e against its crc32c.
func (e *entry) check(b []byte) error {
	if crc32.Checksum(b[e.offset:][:e.bytes], castagnoli) != e.crc {
		return damaged(fmt.Sprintf("tensor %q", e.name), "crc32c differs")
	}
	return nil
}

// decode fills t with the payload of e in the file b.
func (t *Tensor) decode(b []byte, e entry) error {
	if err := e.check(b); err != nil {
		return err
	}
	head := NewDec(b[e.offset-binHeadBytes:][:binHeadBytes])
	if n := head.binLen(); n != e.bytes {
		return damaged(fmt.Sprintf("tensor %q", e.name), "bin of %d bytes, want %d", n, e.bytes)
	}
	data := b[e.offset:][:e.bytes]
	n := int(e.bytes / itemBytes(e.dtype))
	var err error
	switch e.dtype {
	case f32:
		t.F32 = make([]float32, n)
		_, err = binary.Decode(data, le, t.F32)
	case i64:
		t.I64 = make([]int64, n)
		_, err = binary.Decode(data, le, t.I64)
	case u8:
		t.U8 = append(make([]byte, 0, n), data...)
	}
	return err
}
