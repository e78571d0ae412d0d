package label

import (
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/data"
)

// desk has four doubtful pictures, a rejected and a good one, and a golden set of two classes.
func desk(t *testing.T) *Desk {
	t.Helper()
	dir := t.TempDir()
	d := &Desk{Pictures: filepath.Join(dir, "pictures"), Set: filepath.Join(dir, "data", "monday"), Golden: filepath.Join(dir, "golden"),
		Classes: []string{"bolt", "nut", "washer"}, Why: []string{"doubtful"}}
	for i, name := range []string{"000001-00000003-doubtful-bolt.png", "000001-00000007-doubtful-nut.png", "000002-00000001-doubtful-nut.png", "000002-00000010-doubtful-bolt.png",
		"000001-00000004-reject-nut.png", "000001-00000005-pass-bolt.png", ".000003-00000001-doubtful-x.png.tmp", "note.txt"} {
		draw(t, filepath.Join(d.Pictures, name), uint8(20*i))
	}
	for i, class := range d.Classes {
		draw(t, filepath.Join(d.Golden, class, "1.png"), uint8(200+i))
	}
	if _, err := accept.Seal(d.Golden, false); err != nil {
		t.Fatal(err)
	}
	return d
}

// draw makes a picture that no other shade has.
func draw(t *testing.T, path string, shade uint8) {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range 64 * 48 {
		x, y := i%64, i/64
		c := color.RGBA{shade, 200 - shade/2, 90, 255}
		if (x-32)*(x-32)+(y-24)*(y-24) < 300+int(shade) {
			c = color.RGBA{230, 230, shade, 255}
		}
		m.SetRGBA(x, y, c)
	}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(png.Encode(f, m), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func waiting(t *testing.T, d *Desk) (names []string) {
	t.Helper()
	list, err := d.Waiting()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		names = append(names, p.File)
	}
	return names
}

// under lists the pictures below a folder.
func under(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*", "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		rel, _ := filepath.Rel(dir, p)
		names = append(names, rel)
	}
	return names
}

func TestWaiting(t *testing.T) {
	d := desk(t)
	if got := waiting(t, d); len(got) != 4 || got[0] != "000001-00000003-doubtful-bolt.png" || got[3] != "000002-00000010-doubtful-bolt.png" {
		t.Errorf("%q", got)
	}
	list, err := Waiting(d.Pictures, "reject", "pass")
	if err != nil || len(list) != 2 || list[0] != (Picture{"000001-00000004-reject-nut.png", "reject", "nut", 4, 1}) {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := Waiting(filepath.Join(d.Pictures, "none"), "pass"); err == nil {
		t.Error("a folder that is not there is no error")
	}
}

// TestGive: a picture with a class is in the training set, which a training can read; undo brings the same bytes back, one by one.
func TestGive(t *testing.T) {
	d := desk(t)
	all := waiting(t, d)
	first, err := os.ReadFile(filepath.Join(d.Pictures, all[0]))
	if err != nil {
		t.Fatal(err)
	}
	for i, class := range []string{"bolt", "nut", "bolt", "washer"} {
		if err := d.Give(all[i], Label{Class: class}); err != nil {
			t.Fatal(err)
		}
	}
	if left := waiting(t, d); len(left) != 0 || d.Given() != 4 {
		t.Errorf("%q wait, %d given", left, d.Given())
	}
	s, err := data.Open(d.Set, data.Options{Test: -1})
	if err != nil || !slices.Equal(s.Classes, d.Classes) || len(s.Train)+len(s.Val) != 4 {
		t.Errorf("%+v, %v", s, err)
	}
	for i := range all {
		if file, err := d.Undo(); err != nil || file != all[len(all)-1-i] {
			t.Fatalf("%q, %v", file, err)
		}
	}
	if got := waiting(t, d); !slices.Equal(got, all) || len(under(t, d.Set)) != 0 {
		t.Errorf("%q wait, %q are labelled", got, under(t, d.Set))
	}
	if again, err := os.ReadFile(filepath.Join(d.Pictures, all[0])); err != nil || !slices.Equal(again, first) {
		t.Errorf("other bytes came back, %v", err)
	}
	if file, err := d.Undo(); file != "" || err != nil {
		t.Errorf("nothing to undo: %q, %v", file, err)
	}
}

// TestGolden: a picture for the golden set is sealed with it at once; undo leaves the set as it was.
func TestGolden(t *testing.T) {
	d := desk(t)
	before, err := os.ReadFile(filepath.Join(d.Golden, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := waiting(t, d)
	if err := d.Give(all[1], Label{Class: "nut", Golden: true}); err != nil {
		t.Fatal(err)
	}
	g, err := accept.Open(d.Golden)
	if err != nil || len(g.Samples) != 4 || g.Samples[3].Class != 1 || len(under(t, d.Set)) != 0 {
		t.Fatalf("%+v, %v; training set %q", g, err, under(t, d.Set))
	}
	if _, err := d.Undo(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(d.Golden, "golden.json"))
	if err != nil || string(after) != string(before) || len(under(t, d.Golden)) != 3 {
		t.Errorf("after undo %s, %v, want %s", after, err, before)
	}
	d.Classes = append(d.Classes, "screw")
	if err := d.Give(all[0], Label{Class: "screw", Golden: true}); !errors.Is(err, data.ErrUnusable) {
		t.Errorf("a class that the golden set has not: %v", err)
	}
	if _, err := accept.Open(d.Golden); err != nil || len(waiting(t, d)) != 4 {
		t.Errorf("after a refusal: %v, %q", err, waiting(t, d))
	}
}

// TestCut: a power cut after the copy and before the removal leaves the picture in both places; whatever class it is given
// then is the only one. A golden picture whose sum was not written counts for nothing.
func TestCut(t *testing.T) {
	d := desk(t)
	file := waiting(t, d)[0]
	b, err := os.ReadFile(filepath.Join(d.Pictures, file))
	if err != nil {
		t.Fatal(err)
	}
	name := unique(file, b)
	if err := write(filepath.Join(d.Set, "nut"), name, b); err != nil {
		t.Fatal(err)
	}
	if err := write(filepath.Join(d.Golden, "nut"), name, b); err != nil {
		t.Fatal(err)
	}
	if g, err := accept.Open(d.Golden); err != nil || len(g.Samples) != 3 {
		t.Errorf("%v, %v", g, err)
	}
	if err := d.Give(file, Label{Class: "bolt"}); err != nil {
		t.Fatal(err)
	}
	if got := under(t, d.Set); len(got) != 1 || got[0] != "bolt/"+name {
		t.Errorf("%q", got)
	}
}

// TestBadNames: what the page could be made to ask for touches nothing outside.
func TestBadNames(t *testing.T) {
	d := desk(t)
	secret := filepath.Join(filepath.Dir(d.Pictures), "000001-00000001-pass-x.png")
	draw(t, secret, 1)
	for _, file := range []string{"", ".", "..", "note.txt", "../000001-00000001-pass-x.png", "/etc/passwd", "000001-00000003-doubtful-bolt.png/..", "000009-00000001-doubtful-x.png", "a/000001-00000001-pass-x.png"} {
		if err := d.Give(file, Label{Class: "bolt"}); !errors.Is(err, ErrNotHere) {
			t.Errorf("%q: %v", file, err)
		}
	}
	for _, class := range []string{"", "..", "screw", "bolt/..", "../golden/bolt"} {
		if err := d.Give(waiting(t, d)[0], Label{Class: class}); !errors.Is(err, ErrLabel) {
			t.Errorf("%q: %v", class, err)
		}
	}
	for _, class := range []string{"", ".", "..", "a/b", ".hidden", "a\nb", strings.Repeat("a", 65)} {
		if CheckClass(class) == nil {
			t.Errorf("%q may be a class", class)
		}
	}
	if got := under(t, filepath.Dir(d.Set)); len(got) != 0 || d.Given() != 0 {
		t.Errorf("%q", got)
	}
	if _, err := os.Stat(secret); err != nil {
		t.Error(err)
	}
}

// TestNamesComeAgain: a box counts its runs anew once its folder is empty; a second picture of one name is one more picture.
func TestNamesComeAgain(t *testing.T) {
	d := desk(t)
	file := waiting(t, d)[0]
	for i := range 3 {
		draw(t, filepath.Join(d.Pictures, file), uint8(100+i))
		if err := d.Give(file, Label{Class: "bolt"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := under(t, d.Set); len(got) != 3 {
		t.Errorf("%q", got)
	}
}
