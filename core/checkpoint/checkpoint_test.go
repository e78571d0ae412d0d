package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
)

// small is a checkpoint with one of everything.
func small() *File {
	return &File{
		Kind: "train", Meta: map[string]string{"labels": "ok,scratch", "arch": "mnv1", "": "x"}, Body: []byte{0x93, 1, 2, 3},
		Tensors: []Tensor{
			{Name: "conv1.w", Shape: []int{2, 1, 1, 3}, F32: []float32{1, -2, 3.5, 0, float32(math.Inf(1)), 1e-38}},
			{Name: "step", I64: []int64{-7}},
			{Name: "mask", Shape: []int{5}, U8: []byte{0, 1, 2, 254, 255}},
			{Name: "none", Shape: []int{0, 4}, F32: []float32{}},
		},
	}
}

func encode(t testing.TB, f *File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	for _, want := range []*File{small(), {Kind: "empty"}} {
		path := filepath.Join(t.TempDir(), "x.ckpt")
		if err := Write(path, want); err != nil {
			t.Fatal(err)
		}
		if err := Verify(path); err != nil {
			t.Error(err)
		}
		got, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, equateNoTensors); d != "" {
			t.Errorf("read back differs (-want +got):\n%s", d)
		}
	}
}

// equateNoTensors takes no tensors for no tensors, nil or not.
var equateNoTensors = cmp.FilterValues(
	func(a, b []Tensor) bool { return len(a) == 0 && len(b) == 0 }, cmp.Comparer(func(a, b []Tensor) bool { return true }))

// TestBitsSurvive: every NaN and denormal comes back as it was.
func TestBitsSurvive(t *testing.T) {
	v := make([]float32, 3*chunkItems+5)
	for i := range v {
		v[i] = math.Float32frombits(uint32(i) * 2654435761)
	}
	f, err := Decode(encode(t, &File{Tensors: []Tensor{{Name: "v", Shape: []int{len(v)}, F32: v}}}))
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range f.Tensors[0].F32 {
		if math.Float32bits(x) != math.Float32bits(v[i]) {
			t.Fatalf("value %d: %08x, want %08x", i, math.Float32bits(x), math.Float32bits(v[i]))
		}
	}
}

func TestPayloadsAreAligned(t *testing.T) {
	for n := range 130 {
		f := small()
		f.Kind = strings.Repeat("k", n)
		b := encode(t, f)
		p, err := readPrologue(b, uint64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		_, entries, err := decodeHeader(b, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.offset%64 != 0 {
				t.Errorf("tensor %q is at byte %d, not a multiple of 64", e.name, e.offset)
			}
		}
		if first := entries[0].offset; !bytes.Equal(b[first:first+4], []byte{0, 0, 0x80, 0x3f}) {
			t.Errorf("at byte %d is % x, want the float 1", first, b[first:first+4])
		}
	}
}

// TestIsMsgpack: everything behind the prologue is a stream that any msgpack reader takes.
func TestIsMsgpack(t *testing.T) {
	d := msgpack.NewDecoder(bytes.NewReader(encode(t, small())[prologueBytes:]))
	bins := 0
	for {
		v, err := d.DecodeInterface()
		if err != nil {
			break
		}
		if _, ok := v.([]byte); ok {
			bins++
		}
	}
	if want := len(small().Tensors) + 1; bins != want {
		t.Errorf("%d bins, want %d: the tensors and the trailer", bins, want)
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	first := encode(t, small())
	for range 20 {
		if !bytes.Equal(encode(t, small()), first) {
			t.Fatal("the same content gave other bytes")
		}
	}
}

// TestGoldenBytes fixes the format: a change of it needs a new version.
func TestGoldenBytes(t *testing.T) {
	const want = "96212164bbc88b25"
	sum := sha256.Sum256(encode(t, small()))
	if got := fmt.Sprintf("%x", sum[:8]); got != want {
		t.Errorf("sha256 of the small file begins with %s, want %s", got, want)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		want string
		edit func(*File)
	}{
		{`tensor "conv1.w": 6 values, shape [2 1 1 4] wants 8`, func(f *File) { f.Tensors[0].Shape[3] = 4 }},
		{`tensor "conv1.w": shape [2 -1] has an axis of length -1`, func(f *File) { f.Tensors[0].Shape = []int{2, -1} }},
		{"has more than 2147483647 elements", func(f *File) { f.Tensors[0].Shape = []int{1 << 32, 1 << 31} }},
		{"17 axes, at most 16 allowed", func(f *File) { f.Tensors[0].Shape = make([]int, 17) }},
		{"values of 2 types, want one", func(f *File) { f.Tensors[0].U8 = []byte{1} }},
		{`tensor "step" is there twice`, func(f *File) { f.Tensors[0].Name = "step" }},
		{"name bytes of 4097, at most 4096 allowed", func(f *File) { f.Tensors[0].Name = strings.Repeat("n", 4097) }},
		{"at most 16777216 allowed", func(f *File) { f.Body = make([]byte, MaxHeaderBytes) }},
		{"list items of 100001, at most 100000 allowed", func(f *File) {
			f.Tensors = make([]Tensor, MaxTensors+1)
			for i := range f.Tensors {
				f.Tensors[i] = Tensor{Name: fmt.Sprint(i), U8: []byte{0}}
			}
		}},
	} {
		f := small()
		c.edit(f)
		wantError(t, Encode(&bytes.Buffer{}, f), c.want)
	}
}

// TestEveryFlipIsSeen flips each bit of a small file, one after the other.
func TestEveryFlipIsSeen(t *testing.T) {
	b := encode(t, small())
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			_, err := Decode(b)
			if corrupt := (*CorruptError)(nil); !errors.As(err, &corrupt) {
				t.Errorf("bit %d of byte %d flipped: error %v, want a CorruptError", bit, i, err)
			}
			b[i] ^= 1 << bit
		}
	}
}

func TestEveryTruncationIsSeen(t *testing.T) {
	b := encode(t, small())
	for n := range b {
		_, err := Decode(b[:n])
		if corrupt := (*CorruptError)(nil); !errors.As(err, &corrupt) {
			t.Errorf("%d of %d bytes: error %v, want a CorruptError", n, len(b), err)
		}
	}
	_, err := Decode(append(b, 0))
	wantError(t, err, "length: file has")
}

// TestDamageIsNamed: the error says which part is wrong, and in which file.
func TestDamageIsNamed(t *testing.T) {
	whole := encode(t, small())
	p, _ := readPrologue(whole, uint64(len(whole)))
	_, entries, err := decodeHeader(whole, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		at   int
	}{
		{"magic", 0},
		{"prologue: crc32c differs", 20},
		{"header: crc32c differs", prologueBytes + 3},
		{`tensor "conv1.w": crc32c differs`, int(entries[0].offset)},
		{`tensor "mask": crc32c differs`, int(entries[2].offset) + 4},
		{"trailer: sha256 differs", len(whole) - 1},
	} {
		b := bytes.Clone(whole)
		b[c.at] ^= 1
		path := filepath.Join(t.TempDir(), "x.ckpt")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path)
		if c.want == "magic" {
			c.want = "not a checkpoint"
		}
		wantError(t, err, c.want)
		wantError(t, err, "checkpoint "+path+" is damaged")
		if Verify(path) == nil {
			t.Errorf("%s: Verify finds nothing", c.want)
		}
	}
}

func TestReadRefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	_, err := Read(dir)
	wantError(t, err, "read checkpoint "+dir+": not a regular file")
	_, err = Read(filepath.Join(dir, "absent"))
	wantError(t, err, "absent: no such file or directory")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v is not ErrNotExist", err)
	}
	newer := encode(t, small())
	newer[8] = 2
	le.PutUint32(newer[28:], crc32.Checksum(newer[:28], castagnoli))
	_, err = Decode(newer)
	wantError(t, err, "checkpoint of version 2, this program reads version 1")
}

// seal is a file of the given header and rest, with all sums right: what a forger would send.
func seal(header, rest []byte) []byte {
	size := uint64(prologueBytes + len(header) + len(rest) + trailerBytes)
	b := prologue{header: uint32(len(header)), file: size, crc: crc32.Checksum(header, castagnoli)}.append(nil)
	b = append(append(append(b, header...), rest...), trailerHead...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// forged is a header whose one tensor is as edit leaves it.
func forged(edit func(*entry)) []byte {
	e := entry{name: "x", dtype: f32, shape: []int{1}, offset: 128, bytes: 4}
	edit(&e)
	h, _ := encodeHeader(&File{}, []entry{e})
	return h
}

func TestForgedHeaders(t *testing.T) {
	rest := make([]byte, 37)
	for _, c := range []struct {
		want   string
		header []byte
	}{
		{"map entries of 1, 0 bytes are left", []byte{0x81}},
		{"map of 1 entries, want 4", []byte{0x81, 0}},
		{"map entries of 4294967295, at most 1048576", []byte{0xdf, 0xff, 0xff, 0xff, 0xff}},
		{"map entries is missing", []byte{0xc0}},
		{`found "kinx", want "kind"`, []byte("\x84\xa4kinx")},
		{"string bytes of 16777216, at most", []byte("\x84\xa4kind\xa0\xa4meta\x81\xa0\xdb\x01\x00\x00\x00")},
		{"1 bytes left over", append(forged(func(*entry) {}), 0)},
		{"4 bytes, shape [2] of f32 wants 8", forged(func(e *entry) { e.shape = []int{2} })},
		{"more than 2147483647 elements", forged(func(e *entry) { e.shape = []int{1 << 32, 1 << 32} })},
		{`unknown dtype "f16"`, forged(func(e *entry) { e.dtype = "f16" })},
		{"tensors end at byte", forged(func(e *entry) { e.shape, e.bytes = []int{1000}, 4000 })},
		{`tensor "x" is at byte 64, want`, forged(func(e *entry) { e.offset = 64 })},
		{`tensor "x" is at byte 18446744073709551552, want`, forged(func(e *entry) { e.offset = math.MaxUint64 - 63 })},
	} {
		_, err := Decode(seal(c.header, rest))
		if strings.Contains(c.want, "is at byte") { // these need a file of the right size
			end := place(len(c.header), []entry{{bytes: 4}})
			_, err = Decode(seal(c.header, make([]byte, int(end)-prologueBytes-len(c.header)-trailerBytes)))
		}
		wantError(t, err, "header: ")
		wantError(t, err, c.want)
	}
}

// TestForgedSizesCostNothing claims huge lists in five bytes.
func TestForgedSizesCostNothing(t *testing.T) {
	prefix := "\x84\xa4kind\xa0\xa4meta\x80\xa4body\xc4\x00\xa7tensors"
	for _, h := range []string{
		"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\x84\xa4kind\xdb\xff\xff\xff\xff", "\x84\xa4kind\xc6\x7f\xff\xff\xff",
		prefix + "\xdd\x00\x01\x86\xa0", prefix + "\xdd\xff\xff\xff\xff", strings.Repeat("\x91", 1<<16),
	} {
		b := seal([]byte(h), nil)
		got := allocated(func() {
			if _, err := Decode(b); err == nil {
				t.Errorf("header % x was taken", h[:5])
			}
		})
		if got > 64<<10 {
			t.Errorf("header % x…: %d bytes allocated", h[:5], got)
		}
	}
}

// allocated is the number of bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzDecode: no input panics, and what is read is written the same.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, small()))
	f.Fuzz(func(t *testing.T, b []byte) { decodeAgain(t, b) })
}

// FuzzHeader is FuzzDecode behind right sums, so that every input reaches the decoder.
func FuzzHeader(f *testing.F) {
	b := encode(f, small())
	n := prologueBytes + int(le.Uint32(b[12:]))
	f.Add(b[prologueBytes:n], b[n:len(b)-trailerBytes])
	f.Add(forged(func(*entry) {}), make([]byte, 37))
	f.Fuzz(func(t *testing.T, header, rest []byte) { decodeAgain(t, seal(header, rest)) })
}

func decodeAgain(t *testing.T, b []byte) {
	file, err := Decode(b)
	if err != nil {
		return
	}
	once := encode(t, file)
	again, err := Decode(once)
	if err != nil {
		t.Fatalf("what was written is refused: %v", err)
	}
	if !bytes.Equal(once, encode(t, again)) {
		t.Error("written, read and written again, the bytes differ")
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", want)
	case !strings.Contains(err.Error(), want):
		t.Errorf("error %q, want %q in it", err, want)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("error %q has more than one line", err)
	}
}
