package data

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// What an XML file may ask for. Entities are not expanded: one that XML does not bring along is an error.
const (
	mostXMLBytes = 8 << 20
	mostXMLDepth = 16
)

// listVOC lists Pascal VOC: an XML file for each picture.
func listVOC(f *folder) (*boxListing, error) {
	files := f.others(".xml")
	if len(files) == 0 {
		return nil, fs.ErrNotExist
	}
	l, used := &boxListing{format: "Pascal VOC"}, map[string]bool{}
	for _, x := range files {
		b, err := x.read(mostXMLBytes)
		var v vocPicture
		if err == nil {
			v, err = parseVOC(bytes.NewReader(b), x.Path)
		}
		if err != nil {
			l.skip(x.Path, "%s", err)
			if it, ok := f.beside(x.Name); ok {
				used[it.Name] = true // named already
			}
			continue
		}
		l.addVOC(f, x, v, used)
	}
	for _, it := range f.files {
		if isPicture(it.Name) && !used[it.Name] && !strings.HasPrefix(it.Name, "masks/") {
			l.skip(it.Path, "no XML file %s.xml", stem(it.Name))
		}
	}
	parts, err := f.partLists("ImageSets/Main")
	l.placeByList(f, parts)
	return l, err
}

// addVOC finds the picture of an XML file: the one called like it, else the one that it names.
func (l *boxListing) addVOC(f *folder, x item, v vocPicture, used map[string]bool) {
	l.skipped = append(l.skipped, v.skipped...)
	it, ok := f.beside(x.Name)
	if !ok {
		it, ok = f.near(x.Name, tablePath(v.file))
	}
	switch {
	case !ok:
		l.skip(x.Path, "no picture %q, nor one called %s", v.file, stem(x.Name))
	case used[it.Name]:
		l.skip(x.Path, "%s has boxes of another file", it.Name)
	default:
		used[it.Name] = true
		l.items = append(l.items, item{Sample: it.Sample, boxes: v.boxes, bad: len(v.skipped), stated: v.size})
	}
}

// vocPicture is what an XML file says.
type vocPicture struct {
	file    string
	size    image.Point // 0, 0 if it does not say
	boxes   []labelled
	skipped []Skip
}

// vocReader keeps where it is in the file.
type vocReader struct {
	vocPicture
	xml    *xml.Decoder
	name   string   // of the file
	path   []string // of elements
	text   strings.Builder
	object map[string]string // what was read of an object, by element
	line   int               // where it begins
}

// parseVOC reads an annotation (Everingham et al., The PASCAL VOC2012 Development Kit, §8). Objects that cannot be used are named.
func parseVOC(r io.Reader, name string) (vocPicture, error) {
	v := vocReader{xml: xml.NewDecoder(r), name: name}
	for {
		t, err := v.xml.Token()
		if err == io.EOF && v.path == nil {
			return v.vocPicture, errors.New("empty, want <annotation>")
		}
		if err == io.EOF {
			return v.vocPicture, nil
		}
		if err == nil {
			err = v.token(t)
		}
		if err != nil {
			line, _ := v.xml.InputPos()
			return v.vocPicture, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (v *vocReader) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return v.start(t.Name.Local)
	case xml.CharData:
		v.text.Write(t)
	case xml.EndElement:
		v.end(strings.Join(v.path[1:], "/"), strings.TrimSpace(v.text.String()))
		v.path = v.path[:len(v.path)-1]
		v.text.Reset()
	case xml.Directive:
		if bytes.Contains(t, []byte("ENTITY")) {
			return errors.New("declares entities, which no annotation needs")
		}
	}
	return nil
}

func (v *vocReader) start(name string) error {
	if len(v.path) == 0 && name != "annotation" {
		return fmt.Errorf("begins with <%.40s>, want <annotation>", name)
	}
	if len(v.path) == mostXMLDepth {
		return fmt.Errorf("more than %d elements inside each other", mostXMLDepth)
	}
	if len(v.path) == 1 && name == "object" {
		v.object = map[string]string{}
		v.line, _ = v.xml.InputPos()
	}
	v.path = append(v.path, name)
	v.text.Reset()
	return nil
}

// end takes an element by its path below annotation.
func (v *vocReader) end(path, text string) {
	field, ofObject := strings.CutPrefix(path, "object/")
	switch {
	case ofObject:
		v.object[field] = text
	case path == "filename":
		v.file = text
	case path == "size/width":
		v.size.X, _ = strconv.Atoi(text)
	case path == "size/height":
		v.size.Y, _ = strconv.Atoi(text)
	case path == "object":
		b, err := vocBox(v.object)
		if err != nil {
			v.skipped = append(v.skipped, Skip{v.name, fmt.Sprintf("line %d: %s", v.line, err)})
			return
		}
		b.where = fmt.Sprintf("line %d of %s", v.line, v.name)
		v.boxes = append(v.boxes, b)
	}
}

// vocBox makes edges of the first and last pixels, which count from 1.
func vocBox(object map[string]string) (b labelled, err error) {
	if b.class = object["name"]; b.class == "" {
		return b, errors.New("object without a name")
	}
	for field, v := range map[string]*float64{"xmin": &b.xmin, "ymin": &b.ymin, "xmax": &b.xmax, "ymax": &b.ymax} {
		text, there := object[path.Join("bndbox", field)]
		if !there {
			return b, fmt.Errorf("object without %s in its bndbox", field)
		}
		if *v, err = coordinate(text); err != nil {
			return b, fmt.Errorf("%s: %w", field, err)
		}
	}
	b.xmin--
	b.ymin--
	return b, b.check()
}
