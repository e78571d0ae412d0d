package line

import (
	"bytes"
	"flag"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden pictures")

func lines() []Line { return []Line{Source(), Target()} }

func TestClasses(t *testing.T) {
	want := []string{"ok", "scratch", "dent", "stain", "missing_part", "misprint"}
	target := Target().Classes()
	if len(target) != len(want) {
		t.Fatalf("target has classes %q, want %q", target, want)
	}
	for i := range want {
		if target[i] != want[i] {
			t.Errorf("target class %d is %q, want %q", i, target[i], want[i])
		}
	}
	source := Source().Classes()
	if len(source) != 24 || source[0] != "gear-ok" || source[23] != "board-misprint" {
		t.Errorf("source has %d classes from %q to %q, want 24 from gear-ok to board-misprint",
			len(source), source[0], source[len(source)-1])
	}
}

// TestSameBits: a picture is a function of its arguments, whoever renders it and whatever memory
// it was rendered in before.
func TestSameBits(t *testing.T) {
	for _, l := range lines() {
		n := len(l.Classes())
		first := make([]*image.RGBA, n)
		for c := range n {
			first[c] = l.Render(c, 7, uint64(c), 64, 48)
		}
		err := each(n, func(c int) error {
			l.Render(c, 8, 3, 96, 96)
			if !bytes.Equal(l.Render(c, 7, uint64(c), 64, 48).Pix, first[c].Pix) {
				t.Errorf("%s: class %d differs between two calls", l.Name, c)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestGolden compares a picture of every class, reduced to cells of 8×8 pixels, with the ones
// that were looked at; `go test -update` rewrites them. Machines that fuse multiplications and
// additions may round a level differently.
func TestGolden(t *testing.T) {
	for _, l := range lines() {
		got := strip(l)
		name := filepath.Join("testdata", l.Name+".png")
		if *update {
			if err := store(name, got); err != nil {
				t.Fatal(err)
			}
		}
		want := load(t, name)
		if !want.Bounds().Eq(got.Bounds()) {
			t.Fatalf("%s is %v, pictures are %v", name, want.Bounds(), got.Bounds())
		}
		for y := range got.Rect.Dy() {
			for x := range got.Rect.Dx() {
				a, b := got.NRGBAAt(x, y), rgbAt(want, x, y)
				if d := apart([]uint8{a.R, a.G, a.B}, b[:]); d > 2 {
					t.Fatalf("%s: cell %d,%d is %v, was %v", l.Name, x, y, a, b)
				}
			}
		}
	}
}

// strip is a row of pictures, one a class, in cells of 8×8 pixels.
func strip(l Line) *image.NRGBA {
	n := len(l.Classes())
	out := image.NewNRGBA(image.Rect(0, 0, 12*n, 12))
	for c := range n {
		img := l.Render(c, 1, uint64(c), 96, 96)
		for y := range 12 {
			for x := range 12 {
				cell := mean(img, image.Rect(8*x, 8*y, 8*x+8, 8*y+8))
				copy(out.Pix[out.PixOffset(12*c+x, y):], []uint8{cell[0], cell[1], cell[2], 255})
			}
		}
	}
	return out
}

func mean(img *image.RGBA, r image.Rectangle) (avg [3]uint8) {
	var sum [3]int
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			for k := range sum {
				sum[k] += int(img.Pix[img.PixOffset(x, y)+k])
			}
		}
	}
	for k := range sum {
		avg[k] = uint8(sum[k] / (r.Dx() * r.Dy()))
	}
	return avg
}

func load(t *testing.T, name string) image.Image {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func rgbAt(img image.Image, x, y int) [3]uint8 {
	r, g, b, _ := img.At(x, y).RGBA()
	return [3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}
}

// TestDefectIsTheDifference: every class but ok differs from the ok picture of the same specimen,
// visibly, in one place; outside of it not a bit differs before the noise, and little after it.
func TestDefectIsTheDifference(t *testing.T) {
	for _, l := range lines() {
		for class, name := range l.Classes() {
			for index := range uint64(4) {
				mask := l.DefectMask(class, 5, index, 96, 96)
				share := maskShare(mask)
				switch {
				case State(class%len(States)) == OK && share != 0:
					t.Errorf("%s %d: ok differs from ok", name, index)
				case State(class%len(States)) != OK && (share < 0.002 || share > 0.2):
					t.Errorf("%s %d: %.2f %% of the picture differ, want 0.2 to 20", name, index, 100*share)
				}
				if strongest(l, class, index) < 18 && share > 0 {
					t.Errorf("%s %d: no pixel differs by 18 levels", name, index)
				}
			}
		}
	}
}

func maskShare(mask *image.Gray) float64 {
	n := 0
	for _, v := range mask.Pix {
		n += int(v / 255)
	}
	return float64(n) / float64(len(mask.Pix))
}

// strongest is the largest difference of a class from ok, in levels.
func strongest(l Line, class int, index uint64) int {
	bad, good := l.still(class, 5, index, 96, 96), l.still(class-class%len(States), 5, index, 96, 96)
	return apart(bad.Pix, good.Pix)
}

// TestPoseIsShared: far from the defect the noisy pictures of all classes agree, noise included.
func TestPoseIsShared(t *testing.T) {
	for _, l := range lines() {
		for class, name := range l.Classes() {
			bad, good := l.Render(class, 5, 2, 96, 96), l.Render(class-class%len(States), 5, 2, 96, 96)
			mask := l.DefectMask(class, 5, 2, 96, 96)
			for i, v := range mask.Pix {
				if v == 0 && apart(bad.Pix[4*i:4*i+4], good.Pix[4*i:4*i+4]) > 2*maskLevels {
					t.Fatalf("%s: pixel %d lies outside of the defect and differs", name, i)
				}
			}
		}
	}
}

// TestSpecimensDiffer: neither the seed nor the index is ignored.
func TestSpecimensDiffer(t *testing.T) {
	for _, l := range lines() {
		a := l.still(0, 1, 1, 64, 64)
		for _, b := range []*image.RGBA{l.still(0, 2, 1, 64, 64), l.still(0, 1, 2, 64, 64)} {
			if d := meanDifference(a, b); d < 4 {
				t.Errorf("%s: two specimens differ by %.1f levels on average, want at least 4", l.Name, d)
			}
		}
	}
}

// TestLinesDiffer: the average picture of the target is none of a source product.
func TestLinesDiffer(t *testing.T) {
	s, d := Source(), Target()
	for p := range s.Products {
		diff := 0.0
		for i := range uint64(4) {
			diff += meanDifference(s.still(p*len(States), 1, i, 64, 64), d.still(0, 1, i, 64, 64)) / 4
		}
		if diff < 15 {
			t.Errorf("%s and the target differ by %.1f levels, want at least 15", s.Products[p].Name, diff)
		}
	}
}

func meanDifference(a, b *image.RGBA) float64 {
	sum := 0.0
	for i := range a.Pix {
		sum += math.Abs(float64(a.Pix[i]) - float64(b.Pix[i]))
	}
	return sum / float64(len(a.Pix)) * 4 / 3
}

// TestSizes: the scene fills any picture; a larger one shows the same scene.
func TestSizes(t *testing.T) {
	for _, l := range lines() {
		small := l.still(0, 3, 1, 64, 64)
		for _, size := range []image.Point{{1, 1}, {32, 32}, {96, 64}, {128, 128}, {224, 224}} {
			img := l.still(0, 3, 1, size.X, size.Y)
			if img.Rect.Max != size {
				t.Errorf("%s: asked for %v, got %v", l.Name, size, img.Rect)
			}
		}
		large := l.still(0, 3, 1, 128, 128)
		for y := range 4 {
			for x := range 4 {
				a := mean(small, image.Rect(16*x, 16*y, 16*x+16, 16*y+16))
				b := mean(large, image.Rect(32*x, 32*y, 32*x+32, 32*y+32))
				if d := apart(a[:], b[:]); d > 12 {
					t.Errorf("%s: part %d,%d is %v at 64 pixels, %v at 128", l.Name, x, y, a, b)
				}
			}
		}
	}
}

func TestSheet(t *testing.T) {
	img := Sheet(Target(), 2, 32, 1)
	want := image.Pt(12*glyphWidth+3*gutter+2*(32+gutter), 6*(32+gutter)+gutter)
	if img.Rect.Max != want {
		t.Errorf("sheet of 6 classes × 2 pictures of 32 pixels is %v, want %v", img.Rect.Max, want)
	}
	cell := img.SubImage(image.Rect(want.X-34, 2, want.X-2, 34)).(*image.RGBA)
	ref := Target().Render(0, 1, 1, 32, 32)
	for y := range 32 {
		row := cell.Pix[y*cell.Stride : y*cell.Stride+4*32]
		if !bytes.Equal(row, ref.Pix[y*ref.Stride:(y+1)*ref.Stride]) {
			t.Fatalf("row %d of the last picture of ok is not that picture", y)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	for _, l := range lines() {
		b.Run(l.Name, func(b *testing.B) {
			n := len(l.Classes())
			for i := 0; b.Loop(); i++ {
				l.Render(i%n, 1, uint64(i), 96, 96)
			}
		})
	}
}
