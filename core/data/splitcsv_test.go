package data

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenCSV(t *testing.T) {
	s := open(t, tree(t, map[string]string{
		"1.png": "", "images/2.png": "", "a/3.png": "", "images/b/4.png": "", "images/b/5.png": "", "sub/6.png": "",
		"split.csv": "\ufeffsplit;note;class;file;group\n" +
			"train;x;a;1.png;g\ntrain;;b;4.png;\nval;;a;2.png;\nTest;;a;3.png;\ntrain;;a;sub\\6.png;\ntrain;;b;b/5.png;h\n",
	}), Options{})
	same(t, "train", names(s, s.Train), []string{"a:1.png", "b:images/b/4.png", "a:sub/6.png", "b:images/b/5.png"})
	same(t, "val", names(s, s.Val), []string{"a:images/2.png"})
	same(t, "test", names(s, s.Test), []string{"a:a/3.png"})
	same(t, "groups", []string{s.Train[0].Group, s.Train[1].Group, s.Train[3].Group}, []string{"g", "", "h"})
}

func TestCSVSkips(t *testing.T) {
	dir := tree(t, map[string]string{
		"a.png": "", "b.png": "",
		"split.csv": "file,class,split\na.png,a,train\nb.png,b,train\na.png,a,train\n./a.png,a,train\ngone.png,b,test\n",
	})
	s := open(t, dir, Options{})
	same(t, "train", names(s, s.Train), []string{"a:a.png", "b:b.png"})
	same(t, "skipped", s.Skipped, []Skip{
		{filepath.Join(dir, "a.png"), "line 4 of split.csv repeats line 2"},
		{filepath.Join(dir, "a.png"), "line 5 of split.csv repeats line 2"},
		{filepath.Join(dir, "gone.png"), "no such file, named by line 6 of split.csv"},
	})
}

func TestCSVRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "empty, want the columns file, class, split",
		"file,class\na.png,a\n": "has the columns file, class, want file, class, split",
		"file,class,split\n../../etc/passwd,a,train\n":     `line 2: file "../../etc/passwd" leaves the folder`,
		"file,class,split\nx/../../y,a,train\n":            `line 2: file "x/../../y" leaves the folder`,
		"file,class,split\n..\\y,a,train\n":                `line 2: file "..\\y" leaves the folder`,
		"file,class,split\n/etc/passwd,a,train\n":          `line 2: file "/etc/passwd" leaves the folder`,
		"file,class,split\na.png,,train\n":                 `line 2: file "a.png" has no class`,
		"file,class,split\n,a,train\n":                     "line 2: no file",
		"file,class,split\na.png,a,later\n":                `line 2: split "later", want train, val or test`,
		"file,class,split\na.png,a\n":                      "record on line 2: wrong number of fields",
		"file,class,split\na.png,\"a,train\n":              `parse error on line 2, column 16: extraneous or missing " in quoted-field`,
		"file,class,split\na.png,a,train\na.png,b,train\n": "lines 2 and 3 disagree on a.png",
		"file,class,split\na.png,a,train\na.png,a,test\n":  "lines 2 and 3 disagree on a.png",
	} {
		dir := tree(t, map[string]string{"a.png": "", "split.csv": "x"})
		writeFile(t, filepath.Join(dir, "split.csv"), text)
		_, err := Open(dir, Options{})
		if err == nil || err.Error() != filepath.Join(dir, "split.csv")+": "+want || !errors.Is(err, ErrUnusable) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

// A class name is joined to the path of a file, and may not lead out either.
func TestCSVClassLeadsNowhere(t *testing.T) {
	dir := tree(t, map[string]string{"data/split.csv": "x", "data/b.png": "", "secret.png": ""})
	text := "file,class,split\nb.png,b,train\nsecret.png,..,train\n"
	writeFile(t, filepath.Join(dir, "data", "split.csv"), text)
	_, err := Open(filepath.Join(dir, "data"), Options{})
	if err == nil || !strings.Contains(err.Error(), `class ".." has no image`) {
		t.Errorf(`error %v, want class ".." has no image`, err)
	}
}

func FuzzSplitCSV(f *testing.F) {
	f.Add("file,class,split\na.png,a,train\n")
	f.Add("\ufeffgroup;split;file;class\n1;test;x/y.jpg;b\n")
	f.Add("file,class,split\n../../etc/passwd,a,train\n")
	f.Add("file,class,split\n\"a\"\"b\",\"c\nd\",val\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := parseSplit(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, r := range rows {
			if !filepath.IsLocal(r.file) || r.class == "" || partName(r.part) != r.part || r.part == "" {
				t.Errorf("row %+v passed", r)
			}
		}
	})
}
