package gate

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Entry is one line of the audit. Chain is the sha256 of the line before and of this one without it.
type Entry struct {
	Time  time.Time `json:"time"` // by the box's clock, which may be wrong
	Key   string    `json:"key"`
	From  string    `json:"from,omitempty"`
	Verb  string    `json:"verb,omitempty"`
	Line  string    `json:"line,omitempty"` // what was sent, quoted and cut
	Code  int       `json:"code"`           // of the decision: 0 is allowed
	Chain string    `json:"chain"`
}

// Audit is a file of JSON lines that is only appended to; each line holds the hash of the one before, so that a line
// that was changed or taken out is seen.
type Audit struct{ Path string }

// Append adds e and syncs, before which no verb may run.
func (a *Audit) Append(e Entry) error {
	f, err := os.OpenFile(a.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	last, cutShort, err := lastLine(f)
	if err != nil {
		return err
	}
	line, err := e.chained(last)
	if err != nil {
		return err
	}
	if cutShort { // a power cut took the end of the last line: it stays, as a line of its own
		line = append([]byte("\n"), line...)
	}
	if _, err := f.Write(line); err != nil {
		return err
	}
	return f.Sync()
}

// chained is the line of e after last.
func (e Entry) chained(last []byte) ([]byte, error) {
	e.Chain = ""
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	e.Chain = link(last, b)
	b, err = json.Marshal(e)
	return append(b, '\n'), err
}

func link(last, b []byte) string {
	h := sha256.New()
	h.Write(last)
	h.Write([]byte{'\n'})
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// maxLine bounds what a line can be: the quoted text, its names, and the frame.
const maxLine = 4096

// lastLine is the last line of a file, without its end, and whether it lacks one.
func lastLine(f *os.File) (line []byte, cutShort bool, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return nil, false, err
	}
	tail := make([]byte, min(size, maxLine))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return nil, false, err
	}
	cutShort = tail[len(tail)-1] != '\n'
	tail = bytes.TrimSuffix(tail, []byte("\n"))
	return tail[bytes.LastIndexByte(tail, '\n')+1:], cutShort, nil
}

// Verify reads the whole chain and returns its number of lines. The error names the first line that does not follow
// from the one before. A line that a power cut left half is passed over, once the next one follows from it.
func (a *Audit) Verify() (lines int, err error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var last []byte
	for s := scanner(f); s.Scan(); lines++ {
		var e Entry
		line := bytes.Clone(s.Bytes())
		if err := json.Unmarshal(line, &e); err == nil {
			want, err := e.chained(last)
			if err != nil || !bytes.Equal(bytes.TrimSuffix(want, []byte("\n")), line) {
				return lines, fmt.Errorf("audit %s: line %d does not follow from the line before: it was changed, or a line is missing", a.Path, lines+1)
			}
		}
		last = line
	}
	return lines, nil
}

func scanner(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, maxLine), maxLine)
	return s
}

// since calls each with the entries of a key from a moment on, oldest first, among those in the last maxTail bytes.
func (a *Audit) since(key string, from time.Time, each func(Entry)) error {
	f, err := os.Open(a.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	tail := make([]byte, min(size, maxTail))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	mine, err := json.Marshal(key)
	if err != nil {
		return err
	}
	for s := scanner(bytes.NewReader(tail)); s.Scan(); {
		var e Entry
		if bytes.Contains(s.Bytes(), mine) && json.Unmarshal(s.Bytes(), &e) == nil && e.Key == key && !e.Time.Before(from) {
			each(e)
		}
	}
	return nil
}

// maxTail is what is read of an audit to count: more lines than the limits of some keys allow in an hour.
const maxTail = 1 << 20
