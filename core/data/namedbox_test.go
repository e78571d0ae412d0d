package data

import (
	"bytes"
	"strings"
	"testing"
)

// TestRelabelBoxes: the lines of one file change, the others stay with all of their columns.
func TestRelabelBoxes(t *testing.T) {
	const table = "note;xmin;ymin;xmax;ymax;file;class\nfirst;1;2;3;4;a.png;nut\n;;;;;b.png;\n\"odd; one\";5;6;7;8;./a.png;bolt\n"
	two := []NamedBox{{"nut", 0, 0.5, 10, 20}, {"a,b", 1, 1, 2, 2}}
	for _, c := range []struct {
		old, file string
		boxes     []NamedBox
		want      string
	}{
		{"", "x.png", two, "file,class,xmin,ymin,xmax,ymax\nx.png,nut,0,0.5,10,20\nx.png,\"a,b\",1,1,2,2\n"},
		{" \n", "x.png", []NamedBox{}, "file,class,xmin,ymin,xmax,ymax\nx.png,,,,,\n"},
		{table, "a.png", two[:1], "note;xmin;ymin;xmax;ymax;file;class\n;;;;;b.png;\n;0;0.5;10;20;a.png;nut\n"},
		{table, "a.png", nil, "note;xmin;ymin;xmax;ymax;file;class\n;;;;;b.png;\n"},
		{table, "none.png", nil, strings.ReplaceAll(table, "\r", "")},
		{"file,class,xmin,ymin,xmax,ymax\nshort.png\nb.png,nut,1,1,x,2\n", "c.png", nil, "file,class,xmin,ymin,xmax,ymax\nshort.png\nb.png,nut,1,1,x,2\n"},
	} {
		var b bytes.Buffer
		if err := RelabelBoxes(&b, strings.NewReader(c.old), c.file, c.boxes); err != nil || b.String() != c.want {
			t.Errorf("%q with %v of %s:\n%s%v, want\n%s", c.old, c.boxes, c.file, b.String(), err, c.want)
		}
		read, err := parseBoxTable(&b, boxesFile)
		if err != nil || len(read.boxes[c.file]) != len(c.boxes) {
			t.Errorf("read again: %+v, %v", read, err)
		}
	}
	for _, old := range []string{"a,b,c\n", "file,xmin,ymin,xmax,ymax\n", "file,class,xmin,ymin,xmax,ymax\n\"a"} {
		if err := RelabelBoxes(&bytes.Buffer{}, strings.NewReader(old), "x.png", two); err == nil {
			t.Errorf("%q is taken for a table", old)
		}
	}
}
