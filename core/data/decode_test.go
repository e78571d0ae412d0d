package data

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// golden reads a file that one of the scripts in testdata wrote.
func golden(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// pixels undoes the scripts' base64 of zlib.
func pixels(t testing.TB, s string) []uint8 {
	t.Helper()
	z, err := zlib.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(s)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// largestDifference is over all bytes; 256 for pictures of different length.
func largestDifference(a, b []uint8) int {
	if len(a) != len(b) {
		return 256
	}
	worst := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		worst = max(worst, d, -d)
	}
	return worst
}

// Decoded pixels are Pillow's: exactly where nothing is lost, within the rounding of the inverse
// transform and the colour conversion where something is.
func TestDecodeIsPillows(t *testing.T) {
	var g struct {
		Cases []struct {
			File, Pix string
			Size      [2]int
		}
	}
	golden(t, "decode.json", &g)
	for _, c := range g.Cases {
		img, err := Decode(filepath.Join("testdata", "images", c.File))
		if err != nil {
			t.Error(err)
			continue
		}
		if img.W != c.Size[0] || img.H != c.Size[1] {
			t.Errorf("%s: %d×%d, want %v", c.File, img.W, img.H, c.Size)
			continue
		}
		allowed := 0
		if strings.HasSuffix(c.File, ".jpg") || strings.HasPrefix(c.File, "lossy") {
			allowed = 3
		}
		d := largestDifference(img.Pix, pixels(t, c.Pix))
		t.Logf("%s: largest difference %d", c.File, d)
		if d > allowed {
			t.Errorf("%s: a sample differs by %d from Pillow's, want at most %d", c.File, d, allowed)
		}
	}
}

// corners is a 3×2 picture, stored so that orientation how shows red, green, blue, then white,
// black, yellow, when turned upright.
func corners(how int) image.Image {
	upright := [2][3]color.NRGBA{
		{{R: 255, A: 255}, {G: 255, A: 255}, {B: 255, A: 255}},
		{{R: 255, G: 255, B: 255, A: 255}, {A: 255}, {R: 255, G: 255, A: 255}},
	}
	// Where row 0 and column 0 of the stored picture are in the upright one, CIPA DC-008 table 6.
	at := map[int]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return 2 - x, y },
		3: func(x, y int) (int, int) { return 2 - x, 1 - y },
		4: func(x, y int) (int, int) { return x, 1 - y },
		5: func(x, y int) (int, int) { return y, x },         // row 0 is the left side, column 0 the top
		6: func(x, y int) (int, int) { return 2 - y, x },     // row 0 is the right side, column 0 the top
		7: func(x, y int) (int, int) { return 2 - y, 1 - x }, // right, bottom
		8: func(x, y int) (int, int) { return y, 1 - x },     // left, bottom
	}[how]
	w, h := 3, 2
	if how >= 5 {
		w, h = 2, 3
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			ux, uy := at(x, y)
			m.SetNRGBA(x, y, upright[uy][ux])
		}
	}
	return m
}

func TestOrientTurnsUpright(t *testing.T) {
	var want RGB
	convertPlain(&want, corners(1))
	for how := 1; how <= 8; how++ {
		var got RGB
		convertPlain(&got, corners(how))
		got.orient(how)
		if got.W != 3 || got.H != 2 || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("orientation %d: %d×%d %v, want 3×2 %v", how, got.W, got.H, got.Pix, want.Pix)
		}
	}
}

// withExif puts an APP1 segment with the orientation behind the first marker of a JPEG.
func withExif(jpeg []byte, order binary.AppendByteOrder, mark string, how uint16) []byte {
	tiff := append([]byte("Exif\x00\x00"), mark...)
	tiff = order.AppendUint16(tiff, 42)
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2)
	tiff = append(tiff, make([]byte, 12)...) // an entry of another tag
	tiff = order.AppendUint16(tiff, 0x0112)
	tiff = order.AppendUint16(tiff, 3)
	tiff = order.AppendUint32(tiff, 1)
	tiff = order.AppendUint16(tiff, how)
	tiff = order.AppendUint16(tiff, 0)
	out := append([]byte(nil), jpeg[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(tiff)+2))
	return append(append(out, tiff...), jpeg[2:]...)
}

func TestDecodeObeysExif(t *testing.T) {
	plain, err := os.ReadFile("testdata/images/444.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for how := uint16(0); how <= 9; how++ {
		for mark, order := range map[string]binary.AppendByteOrder{"II": binary.LittleEndian, "MM": binary.BigEndian} {
			want, _ := DecodeBytes("plain", plain)
			want.orient(validOrientation(int(how)))
			got, err := DecodeBytes("turned", withExif(plain, order, mark, how))
			if err != nil {
				t.Fatal(err)
			}
			if got.W != want.W || got.H != want.H || !bytes.Equal(got.Pix, want.Pix) {
				t.Errorf("orientation %d %s is not obeyed", how, mark)
			}
		}
	}
}

// bomb is a PNG of a few bytes, padded to 10 kB, whose header promises w×h pixels.
func bomb(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		body := append([]byte(kind), data...)
		b = append(b, body...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(body))
	}
	head := binary.BigEndian.AppendUint32(nil, w)
	head = binary.BigEndian.AppendUint32(head, h)
	chunk("IHDR", append(head, 8, 2, 0, 0, 0))
	chunk("IDAT", make([]byte, 10000))
	chunk("IEND", nil)
	return b
}

func TestDecodeRefuses(t *testing.T) {
	photo, err := os.ReadFile("testdata/images/420.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"bomb.png":      {bomb(60000, 60000), "PNG of 60000×60000 pixels, want 1 to 67108864 in all"},
		"truncated.jpg": {photo[:len(photo)/2], "damaged JPEG: unexpected EOF"},
		"head.jpg":      {photo[:20], "damaged JPEG: unexpected EOF"},
		"text.jpg":      {[]byte("not a picture"), "not a JPEG, PNG, BMP or WebP image (begins with 6e 6f 74 20 61 20 70 69)"},
		"empty.jpg":     {nil, "empty file"},
		"corrupt.png":   {bomb(4, 4), "damaged PNG: "},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, c.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Decode(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+": "+c.want) || !errors.Is(err, ErrUnusable) {
			t.Errorf("%s: error %v, want %s: %s", name, err, path, c.want)
		}
	}
}

func TestDecodeRefusesByPath(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.png")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, MaxFileBytes+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		big:                            fmt.Sprintf("%d bytes, want at most %d", MaxFileBytes+1, MaxFileBytes),
		dir:                            "not a regular file",
		filepath.Join(dir, "gone.jpg"): "no such file or directory",
	} {
		_, err := Decode(path)
		if err == nil || err.Error() != path+": "+want || !errors.Is(err, ErrUnusable) {
			t.Errorf("error %v, want %s: %s", err, path, want)
		}
	}
}

// Every in-memory format of the decoders, from one picture with the same colours.
func TestConvertPlain(t *testing.T) {
	want := []uint8{10, 20, 30, 200, 100, 0}
	c := [2]color.NRGBA{{10, 20, 30, 255}, {200, 100, 0, 255}}
	r := image.Rect(0, 0, 2, 1)
	images := map[string]interface {
		image.Image
		Set(x, y int, c color.Color)
	}{
		"NRGBA":    image.NewNRGBA(r),
		"NRGBA64":  image.NewNRGBA64(r),
		"RGBA":     image.NewRGBA(r),
		"RGBA64":   image.NewRGBA64(r),
		"Paletted": image.NewPaletted(r, color.Palette{c[1], c[0]}),
	}
	for name, m := range images {
		m.Set(0, 0, c[0])
		m.Set(1, 0, c[1])
		var got RGB
		convertPlain(&got, m)
		if !bytes.Equal(got.Pix, want) {
			t.Errorf("%s: %v, want %v", name, got.Pix, want)
		}
	}
}

// Alpha is dropped, not blended: what lies under a transparent pixel shows.
func TestConvertDropsAlpha(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 1, 1))
	m.Set(0, 0, color.NRGBA{200, 100, 40, 128})
	var got RGB
	convertPlain(&got, m)
	if d := largestDifference(got.Pix, []uint8{200, 100, 40}); d > 1 {
		t.Errorf("half transparent 200 100 40 becomes %v", got.Pix)
	}
}

// A palette index past the palette's end is black, and no reason to panic.
func TestPaletteTooShort(t *testing.T) {
	line := fromPalette(color.Palette{color.White})
	dst := make([]uint8, 6)
	line(dst, []uint8{0, 255})
	if !bytes.Equal(dst, []uint8{255, 255, 255, 0, 0, 0}) {
		t.Errorf("pixels %v", dst)
	}
}

func TestPipeIsNotOpened(t *testing.T) {
	d := decoder{lim: defaultLimits}
	if err := d.file(os.DevNull); err == nil || err.Error() != "not a regular file" {
		t.Errorf("error %v, want not a regular file", err)
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/images/*")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	photo, err := os.ReadFile("testdata/images/444.jpg")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(withExif(photo, binary.LittleEndian, "II", 6))
	f.Add(bomb(60000, 60000))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := decoder{lim: limits{1 << 20, 1 << 16}}
		if err := d.bytes(b); err != nil {
			return
		}
		if n := d.img.W * d.img.H; n < 1 || n > 1<<16 || len(d.img.Pix) != 3*n {
			t.Errorf("%d×%d pixels in %d bytes", d.img.W, d.img.H, len(d.img.Pix))
		}
	})
}

// encodePNG is a small picture as a file; each shade is another file.
func encodePNG(t testing.TB, w, h int, shade uint8) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = uint8(i*7) ^ shade
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	return pngOf(t, m)
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, png.Encode(&b, m))
	return b.Bytes()
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}
