package data

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes files below a new folder. A value of "" is a small PNG, another for every name; a
// name that ends in / is a folder; "-> x" is a link to x.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	shade := uint8(0)
	for _, name := range sortedKeys(files) {
		full, content := filepath.Join(dir, name), files[name]
		must(t, os.MkdirAll(filepath.Dir(full), 0o700))
		target, link := strings.CutPrefix(content, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			must(t, os.MkdirAll(full, 0o700))
		case link:
			must(t, os.Symlink(target, full))
		case content == "":
			shade++
			must(t, os.WriteFile(full, encodePNG(t, 8, 6, shade), 0o600))
		default:
			must(t, os.WriteFile(full, []byte(content), 0o600))
		}
	}
	return dir
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string, o Options) *Splits {
	t.Helper()
	s, err := Open(dir, o)
	must(t, err)
	return s
}

// names lists samples as class:name.
func names(s *Splits, samples []Sample) []string {
	var out []string
	for _, x := range samples {
		out = append(out, s.Classes[x.Class]+":"+x.Name)
	}
	return out
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestOpenParts(t *testing.T) {
	dir := tree(t, map[string]string{
		"train/good/1.png": "", "train/good/deep/2.png": "", "train/bad/1.png": "",
		"valid/good/3.png": "", "test/bad/4.png": "",
		"train/good/.hidden.png": "", "train/@eaDir/x.png": "", "train/.git/x.png": "",
		"notes/readme.txt": "text", "README.md": "text",
	})
	s := open(t, dir, Options{})
	same(t, "classes", s.Classes, []string{"bad", "good"})
	same(t, "train", names(s, s.Train), []string{"bad:train/bad/1.png", "good:train/good/1.png", "good:train/good/deep/2.png"})
	same(t, "val", names(s, s.Val), []string{"good:valid/good/3.png"})
	same(t, "test", names(s, s.Test), []string{"bad:test/bad/4.png"})
	same(t, "skipped", len(s.Skipped), 0)
	same(t, "path", s.Val[0].Path, filepath.Join(dir, "valid/good/3.png"))
}

func TestOpenClassesSplitsByContent(t *testing.T) {
	files := map[string]string{}
	for _, c := range []string{"a", "b"} {
		for _, n := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
			files[c+"/"+n+".png"] = ""
		}
	}
	dir := tree(t, files)
	s := open(t, dir, Options{Val: 0.2})
	if len(s.Train) < 20 || len(s.Val) < 2 || len(s.Test) < 2 {
		t.Fatalf("%s, want about 31, 10 and 10", s.sizes())
	}
	for _, name := range []string{"a/a.png", "b/b.png", "a/c.png"} { // others go, one changes its name
		must(t, os.Remove(filepath.Join(dir, name)))
	}
	must(t, os.Rename(filepath.Join(dir, "a/d.png"), filepath.Join(dir, "a/zz.png")))
	again := open(t, dir, Options{Val: 0.2})
	for _, part := range []string{"train", "val", "test"} {
		before := contents(*s.part(part))
		for _, x := range *again.part(part) {
			if !before[x.Content] {
				t.Errorf("%s changed sides to %s", x.Name, part)
			}
		}
	}
	if other := open(t, dir, Options{Val: 0.2, Seed: 1}); cmp.Equal(names(other, other.Test), names(again, again.Test)) {
		t.Error("seeds 0 and 1 give the same test images")
	}
}

func contents(samples []Sample) map[uint64]bool {
	m := map[uint64]bool{}
	for _, s := range samples {
		m[s.Content] = true
	}
	return m
}

// With a share of 0.99 almost every class would be empty but for the guarantee.
func TestOpenLeavesSomethingToTrainOn(t *testing.T) {
	dir := tree(t, map[string]string{"a/1.png": "", "a/2.png": "", "b/3.png": "", "b/4.png": ""})
	copies := string(encodePNG(t, 3, 3, 0))
	for _, name := range []string{"b/c1.png", "b/c2.png", "b/c3.png"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(copies), 0o600))
	}
	for seed := range uint64(20) {
		s := open(t, dir, Options{Test: 0.99, Seed: seed})
		test := contents(s.Test)
		for _, x := range s.Train {
			if test[x.Content] {
				t.Errorf("seed %d: copies of %s are on both sides", seed, x.Name)
			}
		}
	}
	s := open(t, dir, Options{Test: 1})
	same(t, "all for testing", len(s.Test), 7)
	s = open(t, dir, Options{Test: -1})
	same(t, "all for training", len(s.Train), 7)
}

func TestOpenSkipsAndNames(t *testing.T) {
	dir := tree(t, map[string]string{
		"a/1.png": "", "b/1.png": "",
		"a/text.jpg": "hello", "a/Thumbs.db": "x", "b/broken.png": string(encodePNG(t, 20, 20, 1)[:60]),
		"b/gone.png": "-> nowhere.png", "b/bomb.png": string(bomb(60000, 60000)),
	})
	s := open(t, dir, Options{Test: -1})
	got := map[string]string{}
	for _, k := range s.Skipped {
		got[relative(dir, k.Path)] = k.Reason
	}
	same(t, "skipped", got, map[string]string{
		"a/text.jpg":   "not a JPEG, PNG, BMP or WebP image (begins with 68 65 6c 6c 6f)",
		"a/Thumbs.db":  "not a JPEG, PNG, BMP or WebP image (begins with 78)",
		"b/broken.png": "damaged PNG: png: invalid format: not enough pixel data",
		"b/gone.png":   "no such file or directory",
		"b/bomb.png":   "PNG of 60000×60000 pixels, want 1 to 67108864 in all",
	})
	if s = open(t, dir, Options{Test: -1, HeaderOnly: true}); len(s.Train) != 3 {
		t.Errorf("by headers alone %d images, want 3 with the truncated one", len(s.Train))
	}
}

func TestOpenFollowsLinksOnce(t *testing.T) {
	elsewhere := tree(t, map[string]string{"b/2.png": ""})
	dir := tree(t, map[string]string{
		"a/1.png": "", "a/loop": "-> ../a", "a/again.png": "-> 1.png",
		"b": "-> " + filepath.Join(elsewhere, "b"),
	})
	s := open(t, dir, Options{Test: -1})
	same(t, "samples", names(s, s.Train), []string{"a:a/1.png", "b:b/2.png"})
}

func TestOpenOrder(t *testing.T) {
	files := map[string]string{"a/1.png": "", "b/1.png": "", "labels.txt": "b\r\n\n a \n"}
	s := open(t, tree(t, files), Options{Test: -1})
	same(t, "by labels.txt", s.Classes, []string{"b", "a"})
	same(t, "index", []int{s.Train[0].Class, s.Train[1].Class}, []int{1, 0})
	s = open(t, tree(t, files), Options{Test: -1, Classes: []string{"x", "a", "b"}})
	same(t, "by the model", names(s, s.Train), []string{"a:a/1.png", "b:b/1.png"})
	same(t, "by the model", s.Classes, []string{"x", "a", "b"})
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		o     Options
		want  string
	}{
		{"empty dir", map[string]string{}, Options{}, "DIR: no folder of a class, want one for each"},
		{"empty train", map[string]string{"train/": ""}, Options{}, "DIR/train: no folder of a class, want one for each"},
		{"empty class", map[string]string{"a/1.png": "", "b/": ""}, Options{}, `DIR: class "b" has no image to train on`},
		{"empty class of tests", map[string]string{"test/a/1.png": "", "test/b/": ""}, Options{}, `DIR: class "b" has no image`},
		{"bad class", map[string]string{"a/1.png": "", "b/x.jpg": "text"}, Options{},
			`DIR: class "b" has no image to train on (skipped: 1, the first DIR/b/x.jpg: not a JPEG, PNG, BMP or WebP image (begins with 74 65 78 74))`},
		{"one class", map[string]string{"images/1.png": ""}, Options{}, `DIR: the only class is "images", want two or more`},
		{"nothing good", map[string]string{"a/1": "x", "b/2": "x"}, Options{},
			"DIR: no usable image (skipped: 2, the first DIR/a/1: not a JPEG, PNG, BMP or WebP image (begins with 78))"},
		{"label twice", map[string]string{"a/1.png": "", "labels.txt": "a\nb\na\n"}, Options{}, `DIR: labels.txt has the class "a" twice`},
		{"label missing", map[string]string{"a/1.png": "", "b/1.png": "", "classes.txt": "a\n"}, Options{},
			`DIR: class "b" is not among the 1 classes of classes.txt`},
		{"label without image", map[string]string{"a/1.png": "", "labels.txt": "a\nb\n"}, Options{}, `DIR: class "b" has no image to train on`},
		{"not the model's", map[string]string{"a/1.png": "", "b/1.png": ""}, Options{Classes: []string{"a", "c"}},
			`DIR: class "b" is not among the 2 classes of the model`},
	} {
		dir := tree(t, c.files)
		_, err := Open(dir, c.o)
		if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != c.want || !errors.Is(err, ErrUnusable) {
			t.Errorf("%s: error %v\nwant %s", c.name, err, c.want)
		}
	}
	if _, err := Open("no/such/dir", Options{}); err == nil || err.Error() != "no/such/dir: no such file or directory" || !errors.Is(err, ErrUnusable) {
		t.Errorf("missing folder: error %v", err)
	}
}

func TestSet(t *testing.T) {
	dir := tree(t, map[string]string{"train/a/1.png": "", "train/b/1.png": "", "val/a/2.png": ""})
	s := open(t, dir, Options{})
	v, err := s.Set("validation")
	must(t, err)
	same(t, "val", len(v.Samples), 1)
	for part, want := range map[string]string{
		"test": "the data has no image for the split test, only 2 train, 1 val and 0 test images",
		"all":  `no split "all", want train, val or test`,
	} {
		if _, err := s.Set(part); err == nil || err.Error() != want || !errors.Is(err, ErrUnusable) {
			t.Errorf("%s: error %v, want %s", part, err, want)
		}
	}
}
