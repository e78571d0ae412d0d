package camera

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// What is read from outside may be wrong, never a panic, and takes no more memory than it brings.

func FuzzFrameStream(f *testing.F) {
	var b bytes.Buffer
	r := NewRecorder(&b)
	for _, p := range []Pixel{YUYV, NV12, Grey, BGGR10} {
		if err := r.Write(encode(p, 6, 4, 2, 1, 2, 3)); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:100])
	huge := bytes.Clone(b.Bytes()[:headBytes])
	binary.LittleEndian.PutUint32(huge[24:], maxBytes)
	f.Add(huge)
	f.Fuzz(func(t *testing.T, in []byte) {
		p := NewPlayer(io.NopCloser(bytes.NewReader(in)))
		var fr Frame
		var c Converter
		for range 8 {
			if err := p.Next(t.Context(), &fr); err != nil {
				if len(in) == 0 && err != io.EOF {
					t.Errorf("an empty stream ends with %v", err)
				}
				return
			}
			if cap(p.buf.Bytes()) > 4*len(in)+4096 {
				t.Fatalf("%d bytes of memory for a stream of %d", cap(p.buf.Bytes()), len(in))
			}
			if fr.Width*fr.Height > 1<<20 {
				return
			}
			whole := fr.check() == nil
			if _, err := c.Image(&fr); whole && fr.Pixel != MJPEG && err != nil {
				t.Fatalf("a whole frame %v is no picture: %v", fr.Format, err)
			} else if err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatalf("%v: %v", fr.Format, err)
			}
		}
	})
}

func FuzzHTTPParts(f *testing.F) {
	const kind = "multipart/x-mixed-replace; boundary=b"
	f.Add(kind, []byte("--b\r\nContent-Length: 4\r\n\r\n\xff\xd8\xff\xd9\r\n--b\r\n\r\n\xff\xd8"))
	f.Add("multipart/x-mixed-replace; boundary=--b", []byte("--b\r\n\r\n\xff\xd8\r\n--b--"))
	f.Add(kind, []byte("--b\r\nContent-Length: 99999999999\r\n\r\n\xff\xd8"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		parts, err := partsOf(kind, bytes.NewReader(body))
		if err != nil {
			return
		}
		for range 8 {
			b, err := readPart(parts)
			if err != nil {
				return
			}
			if len(b) > len(body) {
				t.Fatalf("a picture of %d bytes out of %d", len(b), len(body))
			}
			var fr Frame
			_ = fr.setJPEG(b)
		}
	})
}

func FuzzJPEGTables(f *testing.F) {
	whole := noise(f, 16, 16)
	f.Add(whole)
	f.Add(withoutTables(whole))
	f.Add([]byte("\xff\xd8\xff\xda\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out := withTables(nil, b)
		if len(out) != len(b) && len(out) != len(b)+len(standardTables) {
			t.Fatalf("%d bytes become %d", len(b), len(out))
		}
		if again := withTables(nil, out); !bytes.Equal(again, out) {
			t.Fatal("tables are put in twice")
		}
	})
}

// FuzzBayer demosaics mosaics of any geometry: every plain colour must come out as it went in.
func FuzzBayer(f *testing.F) {
	f.Add(uint8(2), uint8(2), uint8(0), uint8(0), []byte{200, 100, 50})
	f.Add(uint8(7), uint8(5), uint8(3), uint8(9), []byte{0, 255, 1})
	f.Fuzz(func(t *testing.T, width, height, which, pad uint8, rgb []byte) {
		w, h := int(width)+2, int(height)+2
		if len(rgb) < 3 {
			return
		}
		all := []Pixel{BGGR8, GBRG8, GRBG8, RGGB8, BGGR10, GBRG10, GRBG10, RGGB10, BGGR12, GBRG12, GRBG12, RGGB12}
		p := all[int(which)%len(all)]
		m := mosaics[p]
		want := [3]byte(rgb)
		tight := mosaicOf(m, w, h, func(x, y int) [3]byte { return want })
		row := len(tight) / h
		padded := make([]byte, 0, (row+int(pad))*h)
		for y := range h {
			padded = append(append(padded, tight[y*row:][:row]...), make([]byte, pad)...)
		}
		fr := &Frame{Format: Format{Pixel: p, Width: w, Height: h}, Planes: []Plane{{padded, row + int(pad)}}}
		var c Converter
		out, err := c.Image(fr)
		if err != nil {
			t.Fatal(err)
		}
		for y := range h {
			for x := range w {
				r, g, b, _ := out.At(x, y).RGBA()
				if got := [3]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)}; got != want {
					t.Fatalf("%s %d×%d: pixel %d,%d is %v, want %v", p, w, h, x, y, got, want)
				}
			}
		}
	})
}

func FuzzSpec(f *testing.F) {
	for _, s := range []string{"/dev/video0,size=1x1", "rpicam,lock,shutter=1ms,gain=1,red=1,blue=1", "exec:a b", "http://a,fps=1e3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpec(text)
		if err != nil {
			if !errors.Is(err, ErrSpec) {
				t.Fatal(err)
			}
			return
		}
		if s.Kind != "video" && s.Kind != "http" && s.Kind != "folder" && s.Kind != "play" {
			if c, _, err := s.command(); err == nil && len(c) == 0 {
				t.Fatalf("%q runs nothing", text)
			}
		}
	})
}
