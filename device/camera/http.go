package camera

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/secateur/secateur/device/clock"
)

// mjpeg reads pictures from a server's multipart/x-mixed-replace answer, as network cameras give.
type mjpeg struct {
	parts  *multipart.Reader
	body   io.Closer
	cancel context.CancelFunc
	limit  time.Duration
	count  uint64
}

// maxJPEG is the largest picture of a stream that is read.
const maxJPEG = 32 << 20

func openHTTP(ctx context.Context, s Spec) (*mjpeg, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m := &mjpeg{cancel: cancel, limit: s.stallLimit()}
	if err := m.connect(ctx, s.Path); err != nil {
		cancel()
		return nil, fmt.Errorf("%s: %w", s.Path, err)
	}
	return m, nil
}

func (m *mjpeg) connect(ctx context.Context, url string) error {
	late := time.AfterFunc(m.limit, m.cancel)
	defer late.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableCompression: true, MaxResponseHeaderBytes: 1 << 16}}
	answer, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	m.body = answer.Body
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return fmt.Errorf("%w: the server answers %s", ErrMissing, answer.Status)
	}
	if m.parts, err = partsOf(answer.Header.Get("Content-Type"), answer.Body); err != nil {
		answer.Body.Close()
	}
	return err
}

// partsOf reads the parts of a body. Some cameras count the dashes in front of a boundary to its
// name.
func partsOf(contentType string, body io.Reader) (*multipart.Reader, error) {
	kind, param, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/x-mixed-replace" || param["boundary"] == "" || len(param["boundary"]) > 70 {
		return nil, fmt.Errorf("the answer is %q, want multipart/x-mixed-replace with a boundary", contentType)
	}
	boundary, r := param["boundary"], bufio.NewReaderSize(body, 1<<16)
	if short, ok := strings.CutPrefix(boundary, "--"); ok {
		begin, _ := r.Peek(len(boundary) + 2)
		if !bytes.Contains(begin, []byte("--"+boundary)) {
			boundary = short
		}
	}
	return multipart.NewReader(r, boundary), nil
}

func (m *mjpeg) Next(ctx context.Context, f *Frame) error {
	stop := context.AfterFunc(ctx, m.cancel)
	defer stop()
	late := time.AfterFunc(m.limit, m.cancel)
	defer late.Stop()
	b, err := readPart(m.parts)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("after %d frames: %w", m.count, noEOF(err))
	}
	*f = Frame{Planes: f.Planes, Sequence: m.count, Time: clock.Now()}
	m.count++
	if f.setJPEG(b) != nil {
		f.Damaged = true
	}
	return nil
}

// readPart is the bytes of the next picture.
func readPart(r *multipart.Reader) ([]byte, error) {
	for range 100 { // parts that are no picture
		p, err := r.NextRawPart()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(io.LimitReader(p, partLength(p)))
		if err != nil {
			return nil, err
		}
		if len(b) > maxJPEG {
			return nil, fmt.Errorf("%w: a picture of more than %d bytes", ErrDamaged, maxJPEG)
		}
		if bytes.HasPrefix(b, []byte("\xff\xd8")) {
			return b, nil
		}
	}
	return nil, fmt.Errorf("%w: a hundred parts without a JPEG", ErrDamaged)
}

// partLength is how many bytes of a part to read. Where the server says how long it is, the picture
// need not wait for the boundary in front of the next one.
func partLength(p *multipart.Part) int64 {
	n, err := strconv.ParseInt(p.Header.Get("Content-Length"), 10, 64)
	if err != nil || n < 1 || n > maxJPEG {
		return maxJPEG + 1
	}
	return n
}

// setJPEG makes f a JPEG of those bytes; its size is read from them.
func (f *Frame) setJPEG(b []byte) error {
	f.Format = Format{Pixel: MJPEG, Width: 1, Height: 1, Full: true}
	f.Planes = append(f.Planes[:0], Plane{Pix: b})
	head, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	f.Width, f.Height = head.Width, head.Height
	return f.Format.check()
}

func (m *mjpeg) Close() error {
	m.cancel()
	return m.body.Close()
}
