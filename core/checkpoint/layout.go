package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

const (
	magic         = "secateur"
	version       = 1
	prologueBytes = 32
	trailerBytes  = len(trailerHead) + sha256.Size
	trailerHead   = "\xc4\x20" // msgpack bin8 of 32 bytes
	binHeadBytes  = 5          // msgpack bin32 and its length
	alignment     = 64
)

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// prologue is what a reader knows before it decodes anything.
type prologue struct {
	header uint32 // bytes
	file   uint64 // bytes
	crc    uint32 // of the header
}

func (p prologue) append(b []byte) []byte {
	start := len(b)
	b = append(b, magic...)
	b = le.AppendUint32(b, version)
	b = le.AppendUint32(b, p.header)
	b = le.AppendUint64(b, p.file)
	b = le.AppendUint32(b, p.crc)
	return le.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// readPrologue reads the first bytes of a file that has size bytes.
func readPrologue(b []byte, size uint64) (p prologue, err error) {
	switch {
	case len(b) < prologueBytes:
		return p, damaged("prologue", "file has %d bytes, want at least %d", size, prologueBytes+trailerBytes)
	case string(b[:8]) != magic:
		return p, damaged("prologue", "begins with %q, want %q: not a checkpoint", b[:8], magic)
	case crc32.Checksum(b[:28], castagnoli) != le.Uint32(b[28:]):
		return p, damaged("prologue", "crc32c differs")
	case le.Uint32(b[8:]) != version:
		return p, fmt.Errorf("checkpoint of version %d, this program reads version %d", le.Uint32(b[8:]), version)
	}
	p = prologue{header: le.Uint32(b[12:]), file: le.Uint64(b[16:]), crc: le.Uint32(b[24:])}
	return p, p.check(size)
}

func (p prologue) check(size uint64) error {
	switch {
	case size < p.file:
		return damaged("length", "file has %d bytes of %d: cut short", size, p.file)
	case size > p.file:
		return damaged("length", "file has %d bytes, want %d", size, p.file)
	case p.header > MaxHeaderBytes || uint64(prologueBytes+trailerBytes)+uint64(p.header) > size:
		return damaged("prologue", "header of %d bytes in a file of %d, at most %d allowed", p.header, size, MaxHeaderBytes)
	}
	return nil
}

// entry is what the header says of a tensor.
type entry struct {
	name   string
	dtype  string
	shape  []int
	offset uint64 // of the payload in the file, a multiple of 64
	bytes  uint64 // of the payload
	crc    uint32 // crc32c of the payload
}

// place gives each payload the first aligned offset after the one before, and returns the size
// of the file.
func place(header int, entries []entry) (fileBytes uint64) {
	at := uint64(prologueBytes + header)
	for i := range entries {
		e := &entries[i]
		e.offset = (at + binHeadBytes + alignment - 1) / alignment * alignment
		at = e.offset + e.bytes
	}
	return at + uint64(trailerBytes)
}

// appendGap appends what stands between byte at of the file and the payload of e: zeros and
// the head of the bin.
func (e *entry) appendGap(b []byte, at uint64) []byte {
	b = append(b, make([]byte, e.offset-binHeadBytes-at)...)
	b = append(b, msgpcode.Bin32)
	return binary.BigEndian.AppendUint32(b, uint32(e.bytes))
}
