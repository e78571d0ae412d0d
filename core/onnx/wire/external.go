package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// readExternal reads the bytes that the external data keys name. The file must lie in dir or
// below: no absolute path, no "..", no symbolic link that leads out of it.
func (t *Tensor) readExternal(dir string) ([]byte, error) {
	n, err := t.Elems()
	if err != nil {
		return nil, err
	}
	x, err := t.externalKeys(int64(n * t.DType.Bytes()))
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("external data: %w", err)
	}
	defer root.Close()
	f, err := root.OpenFile(x.location, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not block
	if err != nil {
		return nil, fmt.Errorf("external data in %s: %w", dir, err)
	}
	defer f.Close()
	b, err := x.read(f)
	if err != nil {
		return nil, fmt.Errorf("external data %s: %w", x.location, err)
	}
	return b, nil
}

// external is where external data lies, offset and length in bytes.
type external struct {
	location       string
	offset, length int64
}

// externalKeys reads the keys and holds the length against want, the bytes of the tensor.
func (t *Tensor) externalKeys(want int64) (x external, err error) {
	x.length = want
	for _, kv := range t.External {
		switch kv.Key {
		case "location":
			x.location = kv.Value
		case "offset":
			x.offset, err = strconv.ParseInt(kv.Value, 10, 64)
		case "length":
			x.length, err = strconv.ParseInt(kv.Value, 10, 64)
		}
		if err != nil {
			return x, fmt.Errorf("external data: %s %q is not a number", kv.Key, kv.Value)
		}
	}
	switch {
	case x.location == "":
		return x, errors.New("external data without a location")
	case !filepath.IsLocal(x.location):
		return x, fmt.Errorf("external data in %q, which is not below the model's folder", x.location)
	case x.offset < 0:
		return x, fmt.Errorf("external data at offset %d", x.offset)
	case x.length != want:
		return x, fmt.Errorf("external data of %d bytes, %s of shape %v wants %d", x.length, t.DType, t.Dims, want)
	}
	return x, nil
}

// read checks the range against the size of f before it takes memory for it.
func (x external) read(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if x.offset > info.Size() || x.length > info.Size()-x.offset {
		return nil, fmt.Errorf("has %d bytes, the tensor wants %d from offset %d", info.Size(), x.length, x.offset)
	}
	b := make([]byte, x.length)
	_, err = io.ReadFull(io.NewSectionReader(f, x.offset, x.length), b)
	return b, err
}
