// Package inbox receives labelled pictures as a framed stream on standard input, and puts them below one folder:
// names by pattern, regular files only, bounded in number and bytes, none of them before the stream has come to its end
// (reference: device §8).
//
//	stream  magic "secput1\n", then files, then an end
//	file    u16 length of the class, class, u16 length of the name, name, u32 bytes, bytes, crc32c of the bytes u32
//	end     u16 0, then u32 number of files
//
// The class is the folder that a picture lies in. Of pictures with boxes that is any folder, as their layout has it; the
// tables of such a set lie in none, and their class is Top.
//
// Integers are little-endian.
package inbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"regexp"
	"slices"

	"golang.org/x/sys/unix"
)

const magic = "secput1\n"

// Limits of one stream.
type Limits struct {
	Files     int
	FileBytes int64
	Bytes     int64 // of all files
}

// DefaultLimits are those of a teaching set: 5,000 pictures, 32 MiB each, 2 GiB together.
func DefaultLimits() Limits { return Limits{5000, 32 << 20, 2 << 30} }

// ErrStream is a stream that is no stream of ours, is cut short or damaged, or holds what is not allowed.
var ErrStream = errors.New("bad stream")

// ErrFull says that a limit is passed.
var ErrFull = errors.New("over the limit")

// Top is the class of a file of the set's own folder, which is one of Tables.
const Top = "."

// Tables are the files that a set may have in its own folder: boxes, parts, and the names of classes.
var Tables = []string{"boxes.csv", "split.csv", "labels.csv", "classes.txt", "labels.txt", "obj.names", "data.yaml"}

var (
	class  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_. -]*$`)
	name   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	castle = crc32.MakeTable(crc32.Castagnoli)
)

// Letters of names. The patterns do not count them: one that does takes milliseconds to compile, at every start.
const (
	mostClass = 64
	mostName  = 128
)

// File is a picture on its way.
type File struct {
	Class, Name string
	Bytes       []byte
}

// Write is a stream of files, for a client.
func Write(w io.Writer, files func(yield func(File) error) error) error {
	b := bufio.NewWriter(w)
	if _, err := b.WriteString(magic); err != nil {
		return err
	}
	count := uint32(0)
	err := files(func(f File) error {
		count++
		return writeFile(b, f)
	})
	if err != nil {
		return err
	}
	binary.Write(b, binary.LittleEndian, uint16(0))
	binary.Write(b, binary.LittleEndian, count)
	return b.Flush()
}

func writeFile(b *bufio.Writer, f File) error {
	if err := f.check(); err != nil {
		return err
	}
	for _, s := range []string{f.Class, f.Name} {
		binary.Write(b, binary.LittleEndian, uint16(len(s)))
		b.WriteString(s)
	}
	binary.Write(b, binary.LittleEndian, uint32(len(f.Bytes)))
	b.Write(f.Bytes)
	return binary.Write(b, binary.LittleEndian, crc32.Checksum(f.Bytes, castle))
}

// check refuses names that could be more than names.
func (f File) check() error {
	if f.Class == Top {
		if !slices.Contains(Tables, f.Name) {
			return fmt.Errorf("%w: file %.128q in no folder, want one of %q there", ErrStream, f.Name, Tables)
		}
		return nil
	}
	if len(f.Class) > mostClass || !class.MatchString(f.Class) {
		return fmt.Errorf("%w: class %.64q is not of letters, digits, space, point, dash and underscore", ErrStream, f.Class)
	}
	if len(f.Name) > mostName || !name.MatchString(f.Name) {
		return fmt.Errorf("%w: file name %.128q is not of letters, digits, point, dash and underscore", ErrStream, f.Name)
	}
	return nil
}

// Read calls each for the files of a stream, one after the other. An error matches ErrStream or ErrFull, or is each's.
func Read(r io.Reader, l Limits, each func(File) error) error {
	in := &reader{b: bufio.NewReader(r), Limits: l}
	if head := in.take(len(magic)); in.err == nil && string(head) != magic {
		return fmt.Errorf("%w: it does not begin with %q", ErrStream, magic)
	}
	for more := true; more && in.err == nil; {
		var f File
		if f, more = in.file(); more && in.err == nil {
			in.err = each(f)
		}
	}
	in.end()
	if errors.Is(in.err, io.EOF) || errors.Is(in.err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends in the middle, after %d files", ErrStream, in.files)
	}
	return in.err
}

// reader keeps the first error.
type reader struct {
	b     *bufio.Reader
	files int
	bytes int64
	err   error
	Limits
}

// take reads n bytes, which its caller has bounded.
func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	p := make([]byte, n)
	_, r.err = io.ReadFull(r.b, p)
	return p
}

func (r *reader) u16() int {
	p := r.take(2)
	if r.err != nil {
		return 0
	}
	return int(binary.LittleEndian.Uint16(p))
}

func (r *reader) u32() uint32 {
	p := r.take(4)
	if r.err != nil {
		return 0
	}
	return binary.LittleEndian.Uint32(p)
}

// file is the next one; more is false at the end of the stream.
func (r *reader) file() (f File, more bool) {
	n := r.u16()
	if n == 0 || r.err != nil {
		return f, false
	}
	f.Class = string(r.take(n))
	f.Name = string(r.take(r.u16()))
	size := int64(r.u32())
	if r.err == nil {
		r.err = r.room(f, size)
	}
	f.Bytes = r.take(int(size))
	if sum := r.u32(); r.err == nil && sum != crc32.Checksum(f.Bytes, castle) {
		r.err = fmt.Errorf("%w: %s/%s is damaged: its crc32c differs", ErrStream, f.Class, f.Name)
	}
	return f, true
}

// room refuses a file before its bytes are read.
func (r *reader) room(f File, size int64) error {
	if err := f.check(); err != nil {
		return err
	}
	r.files++
	r.bytes += size
	switch {
	case r.files > r.Files:
		return fmt.Errorf("%w: more than %d files", ErrFull, r.Files)
	case size > r.FileBytes:
		return fmt.Errorf("%w: %s/%s has %d bytes, at most %d are taken", ErrFull, f.Class, f.Name, size, r.FileBytes)
	case r.bytes > r.Bytes:
		return fmt.Errorf("%w: more than %d bytes in all", ErrFull, r.Bytes)
	}
	return nil
}

// end reads what follows the last file.
func (r *reader) end() {
	if n := r.u32(); r.err == nil && int(n) != r.files {
		r.err = fmt.Errorf("%w: it says %d files and holds %d", ErrStream, n, r.files)
	}
}

// ErrBusy says that another stream for the same set is under way.
var ErrBusy = errors.New("another stream for this set is under way")

// Receive puts the files of a stream into DIR/SET/CLASS/NAME: they lie in a hidden folder, synced, until the stream has
// come to its end. A power cut while they are moved from there leaves some of them, each whole. A picture that is there
// already is replaced. Room is the number of bytes that must stay free on the disk.
// It returns the number of pictures: of files but those of labels.
func Receive(r io.Reader, dir, set string, l Limits, room int64) (pictures int, err error) {
	if len(set) > mostName || !name.MatchString(set) {
		return 0, fmt.Errorf("%w: set name %.64q", ErrStream, set)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	lock, err := root.OpenFile(".lock-"+set, os.O_CREATE|os.O_RDWR, 0o664)
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return 0, ErrBusy
	}
	tmp := ".incoming-" + set
	if err := root.RemoveAll(tmp); err != nil {
		return 0, err
	}
	defer root.RemoveAll(tmp)
	d := &delivery{root: root, dir: dir, tmp: tmp, room: room}
	if err := root.Mkdir(tmp, 0o775); err != nil {
		return 0, err
	}
	if err := Read(r, l, d.add); err != nil {
		return 0, err
	}
	if len(d.files) == 0 {
		return 0, fmt.Errorf("%w: it holds no file", ErrStream)
	}
	return d.pictures(), d.settle(set)
}
