package data

import (
	"math"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/random"
)

// The recipe of the baselines: a crop of whole pixels with 70 to 100 % of the area, a flip every
// other time, contrast and brightness within 20 %.
func TestDefaultAugmentDraws(t *testing.T) {
	const n, side = 4000, 224
	a, rng := DefaultAugment(), random.Stream(1, "test", 0)
	flips, smallest, largest := 0, 1.0, 0.0
	var contrast, brightness []float64
	for range n {
		d := a.draw(rng, side, side)
		w, h := d.box.X1-d.box.X0, d.box.Y1-d.box.Y0
		if w != h || d.box.X0 < 0 || d.box.Y0 < 0 || d.box.X1 > side || d.box.Y1 > side || w != math.Trunc(w) {
			t.Fatalf("box %v of %d×%d", d.box, side, side)
		}
		area := w * h / side / side
		smallest, largest = min(smallest, area), max(largest, area)
		contrast, brightness = append(contrast, d.contrast), append(brightness, d.brightness)
		if d.flip {
			flips++
		}
		if d.flipUp || d.angle != 0 || d.sigma != 0 {
			t.Fatalf("%+v has more than the recipe", d)
		}
	}
	if smallest < 0.69 || smallest > 0.71 || largest < 0.98 {
		t.Errorf("areas from %.3f to %.3f, want 0.7 to 1", smallest, largest)
	}
	if math.Abs(float64(flips)-n/2) > 5*math.Sqrt(n)/2 {
		t.Errorf("%d flips of %d", flips, n)
	}
	for _, v := range [][]float64{contrast, brightness} {
		if lo, hi := slices.Min(v), slices.Max(v); lo < 0.8 || lo > 0.81 || hi > 1.2 || hi < 1.19 {
			t.Errorf("light from %.3f to %.3f, want 0.8 to 1.2", lo, hi)
		}
	}
}

func TestNoAugmentChangesNothing(t *testing.T) {
	img := &reduced{*picture(12, 10), 12, 10}
	var a Augment
	var c canvas
	got, want := make([]float32, len(img.Pix)), make([]float32, len(img.Pix))
	d := a.draw(random.Stream(1, "test", 0), 12, 10)
	c.begin(12, 10)
	c.part(Preprocess{Width: 12, Height: 10}, img, nil, d)
	c.change(got, d)
	toFloat(want, &img.RGB)
	same(t, "pixels", got, want)
}

// Switching one change on leaves the draws of the others alone.
func TestDrawsAreIndependent(t *testing.T) {
	a := DefaultAugment()
	plain := a.draw(random.Stream(1, "test", 0), 50, 40)
	a.Rotate, a.Blur, a.FlipUp, a.Transpose, a.Shrink = 10, 2, 1, 1, 0.5
	all := a.draw(random.Stream(1, "test", 0), 50, 40)
	if all.angle == 0 || all.sigma == 0 || !all.flipUp || !all.swap {
		t.Errorf("%+v, want a rotation, a blur, a flip and a transposition", all)
	}
	all.angle, all.sigma, all.flipUp, all.swap = 0, 0, false, false
	same(t, "the rest", all.box, plain.box)
	same(t, "the rest", [2]float64{all.contrast, all.brightness}, [2]float64{plain.contrast, plain.brightness})
}

// y = (x-128)*contrast + 128*brightness, within 0 to 255.
func TestLight(t *testing.T) {
	x := []float32{0, 128, 200, 255}
	light(x, 1.25, 0.75)
	same(t, "light", x, []float32{0, 96, 186, 254.75})
	x = []float32{250, 10}
	light(x, 1.25, 1.25)
	same(t, "clipped", x, []float32{255, 12.5})
}

func TestFlips(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19}
	y := slices.Clone(x)
	FlipLeftRight(y, 3)
	same(t, "left and right", y, []float32{7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13})
	y = slices.Clone(x)
	FlipUpDown(y, 3)
	same(t, "up and down", y, append(slices.Clone(x[9:]), x[:9]...))
}

// A quarter turn of a square moves every pixel to a place that is known.
func TestRotateQuarter(t *testing.T) {
	const n = 5
	src, dst := make([]float32, n*n*3), make([]float32, n*n*3)
	for i := range src {
		src[i] = float32(i)
	}
	rotate(dst, src, n, n, math.Pi/2)
	for y := range n {
		for x := range n {
			got, want := dst[(y*n+x)*3+1], src[(x*n+n-1-y)*3+1]
			if math.Abs(float64(got-want)) > 1e-3 {
				t.Errorf("pixel %d, %d is %v, want %v from the right side", x, y, got, want)
			}
		}
	}
}

func TestRotateBackAndForth(t *testing.T) {
	const n = 32
	src, there, back := make([]float32, n*n*3), make([]float32, n*n*3), make([]float32, n*n*3)
	for y := range n {
		for x := range n {
			src[(y*n+x)*3] = float32(x + 2*y) // a plane is interpolated without error
		}
	}
	rotate(there, src, n, n, 0.2)
	rotate(back, there, n, n, -0.2)
	for y := 8; y < 24; y++ {
		for x := 8; x < 24; x++ {
			if i := (y*n + x) * 3; math.Abs(float64(back[i]-src[i])) > 1e-3 {
				t.Fatalf("pixel %d, %d comes back as %v, was %v", x, y, back[i], src[i])
			}
		}
	}
}

// A blurred point is the kernel itself: its sum stays, and its spread is sigma's.
func TestBlur(t *testing.T) {
	const n, sigma = 41, 2.5
	x, tmp := make([]float32, n*n*3), make([]float32, n*n*3)
	x[(n/2*n+n/2)*3] = 1
	blur(x, tmp, n, n, gaussian(nil, sigma))
	sum, spread := 0.0, 0.0
	for y := range n {
		for c := range n {
			v := float64(x[(y*n+c)*3])
			sum += v
			spread += v * float64((c-n/2)*(c-n/2))
		}
	}
	if math.Abs(sum-1) > 1e-5 || math.Abs(math.Sqrt(spread)-sigma) > 0.05 {
		t.Errorf("sum %v and sigma %v, want 1 and %v", sum, math.Sqrt(spread), sigma)
	}
	if other := slices.Max(x[1:2]); other != 0 {
		t.Errorf("green is %v, want 0", other)
	}
}

func TestBlurKeepsPlainPictures(t *testing.T) {
	x, tmp := make([]float32, 6*4*3), make([]float32, 6*4*3)
	for i := range x {
		x[i] = 100
	}
	blur(x, tmp, 6, 4, gaussian(nil, 3))
	for i, v := range x {
		if math.Abs(float64(v)-100) > 1e-3 {
			t.Fatalf("value %d is %v, want 100", i, v)
		}
	}
}

// Mixed targets describe the mixed pictures: with a picture that shows its own class, the two agree.
func TestMixup(t *testing.T) {
	const n, classes = 5, 3
	x, targets := make([]float32, n*6), make([]float32, n*classes)
	for i := range n {
		targets[i*classes+i%classes] = 1
		for k := range 6 {
			x[i*6+k] = float32(i % classes)
		}
	}
	mates := make([]int32, n)
	share := mixup(random.Stream(1, "test", 0), 0.4, n, x, targets, mates)
	mixed := 0
	for i := range n {
		if m := int(mates[i]); math.Abs(float64(x[i*6]-share*float32(i%classes)-(1-share)*float32(m%classes))) > 1e-5 || int(mates[m]) != i {
			t.Errorf("picture %d is %v, share %v of itself, the rest of %d, whose mate is %d", i, x[i*6], share, m, mates[m])
		}
		row := targets[i*classes:][:classes]
		sum, mean := row[0]+row[1]+row[2], row[1]+2*row[2]
		if math.Abs(float64(sum)-1) > 1e-5 || math.Abs(float64(mean-x[i*6])) > 1e-5 {
			t.Errorf("sample %d: targets %v of a picture %v", i, row, x[i*6])
		}
		if slices.Max(row) < 1 {
			mixed++
		}
	}
	if mixed == 0 {
		t.Error("nothing was mixed")
	}
}

func TestAugmentRefuses(t *testing.T) {
	for _, c := range []struct {
		a    Augment
		want string
	}{
		{Augment{Flip: 1.5}, "augmentation: flip is 1.5, want 0 to 1"},
		{Augment{MinArea: math.NaN()}, "augmentation: smallest area of a crop is NaN, want 0 to 1"},
		{Augment{Blur: 1e9}, "augmentation: blur in pixels is 1e+09, want 0 to 16"},
	} {
		if err := c.a.Check(); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}
