package data

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	mostTextBytes = 16 << 20
	mostYAMLBytes = 1 << 20
)

// listYOLO lists a .txt file for each picture, in folders called labels or beside the pictures.
func listYOLO(f *folder) (*boxListing, error) {
	texts := map[*item]item{}
	l := &boxListing{format: "YOLO"}
	for _, t := range f.others(".txt") {
		it, ok := f.beside(t.Name)
		inLabels := slices.Contains(strings.Split(path.Dir(t.Name), "/"), "labels")
		switch {
		case ok && (inLabels || path.Dir(it.Name) == path.Dir(t.Name)):
			texts[it] = t
		case inLabels:
			l.skip(t.Path, "no picture called %s", stem(t.Name))
		}
	}
	if len(texts) == 0 {
		return nil, fs.ErrNotExist
	}
	var err error
	if l.classes, err = f.yoloNames(); err != nil {
		return nil, err
	}
	for i := range f.files {
		if it := &f.files[i]; isPicture(it.Name) && !strings.HasPrefix(it.Name, "masks/") {
			l.addYOLO(it, texts)
		}
	}
	parts, err := f.partLists(".")
	l.placeByList(f, parts)
	return l, err
}

// addYOLO takes one picture; without a file of labels it has no objects.
func (l *boxListing) addYOLO(it *item, texts map[*item]item) {
	picture := item{Sample: it.Sample, shares: true}
	if t, ok := texts[it]; ok {
		b, err := t.read(mostTextBytes)
		if err != nil {
			l.skip(t.Path, "%s", err)
			return
		}
		boxes, bad := parseYOLO(b, t.Path, l.classes)
		l.skipped = append(l.skipped, bad...)
		picture.boxes, picture.bad = boxes, len(bad)
	}
	l.items = append(l.items, picture)
}

// parseYOLO reads lines of class, centre and size, or of class and the corners of an outline, in shares of the picture.
func parseYOLO(b []byte, name string, classes []string) (boxes []labelled, skipped []Skip) {
	line := 0
	for text := range bytes.Lines(b) {
		line++
		fields := strings.Fields(string(text))
		if len(fields) == 0 {
			continue
		}
		box, err := yoloBox(fields, classes)
		if err != nil {
			skipped = append(skipped, Skip{name, fmt.Sprintf("line %d: %s", line, err)})
			continue
		}
		box.where = fmt.Sprintf("line %d of %s", line, name)
		boxes = append(boxes, box)
	}
	return boxes, skipped
}

func yoloBox(fields, classes []string) (b labelled, err error) {
	if b.class, err = yoloClass(fields[0], classes); err != nil {
		return b, err
	}
	v := make([]float64, len(fields)-1)
	for i, s := range fields[1:] {
		if v[i], err = strconv.ParseFloat(s, 64); err != nil || math.Abs(v[i]) > 100 || math.IsNaN(v[i]) {
			return b, fmt.Errorf("%q is no share of a picture", s)
		}
	}
	switch {
	case len(v) == 4:
		b.xmin, b.xmax = v[0]-v[2]/2, v[0]+v[2]/2
		b.ymin, b.ymax = v[1]-v[3]/2, v[1]+v[3]/2
	case len(v) >= 6 && len(v)%2 == 0:
		b.xmin, b.xmax, b.ymin, b.ymax = v[0], v[0], v[1], v[1]
		for i := 0; i < len(v); i += 2 {
			b.xmin, b.xmax = min(b.xmin, v[i]), max(b.xmax, v[i])
			b.ymin, b.ymax = min(b.ymin, v[i+1]), max(b.ymax, v[i+1])
		}
	default:
		return b, fmt.Errorf("%d fields, want a class and 4 numbers, or a class and the corners of an outline", len(fields))
	}
	return b, b.check()
}

// yoloClass is the name of a number; without names the number itself.
func yoloClass(s string, classes []string) (string, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return "", fmt.Errorf("%q is no number of a class", s)
	}
	if classes == nil {
		return strconv.Itoa(n), nil
	}
	if n >= len(classes) {
		return "", fmt.Errorf("class %d is not among the %d named", n, len(classes))
	}
	return classes[n], nil
}

// yoloNames is the names of the classes in data.yaml or another YAML file, classes.txt, labels.txt or obj.names; nil without.
func (f *folder) yoloNames() ([]string, error) {
	for _, y := range f.others(".yaml", ".yml") {
		b, err := y.read(mostYAMLBytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", y.Path, err)
		}
		names, err := parseYOLONames(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", y.Path, err)
		}
		if names != nil {
			return names, nil
		}
	}
	for _, dir := range []string{".", "labels"} {
		for _, name := range []string{"classes.txt", "labels.txt", "obj.names", "classes.names"} {
			if it := f.byName[path.Join(dir, name)]; it != nil {
				b, err := it.read(mostYAMLBytes)
				return nameLines(b), err
			}
		}
	}
	return nil, nil
}

// parseYOLONames reads names, a list or a map from numbers, of a YAML file; nil if it has none.
func parseYOLONames(b []byte) ([]string, error) {
	var y struct {
		Names yaml.Node `yaml:"names"`
	}
	if err := yaml.Unmarshal(b, &y); err != nil {
		return nil, err
	}
	var names []string
	switch y.Names.Kind {
	case 0:
		return nil, nil
	case yaml.SequenceNode:
		err := y.Names.Decode(&names)
		return names, err
	}
	byNumber := map[int]string{}
	if err := y.Names.Decode(&byNumber); err != nil {
		return nil, err
	}
	for i := range len(byNumber) {
		name, ok := byNumber[i]
		if !ok {
			return nil, fmt.Errorf("names has no %d, want 0 to %d", i, len(byNumber)-1)
		}
		names = append(names, name)
	}
	if names == nil {
		return nil, errors.New("names is empty")
	}
	return names, nil
}
