package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"unicode"
)

const mostJSONBytes = 512 << 20

// cocoFile is what is read of COCO's JSON; what else it has is passed over.
type cocoFile struct {
	Images []struct {
		ID            cocoID `json:"id"`
		File          string `json:"file_name"`
		Width, Height int
	}
	Annotations []struct {
		Image    cocoID `json:"image_id"`
		Category cocoID `json:"category_id"`
		BBox     []float64
		Crowd    int `json:"iscrowd"`
	}
	Categories []struct {
		ID   cocoID `json:"id"`
		Name string
	}
}

// cocoID is a number or a string, as written.
type cocoID string

func (id *cocoID) UnmarshalJSON(b []byte) error {
	*id = cocoID(b)
	return nil
}

// listCOCO lists all JSON files that are COCO's.
func listCOCO(f *folder) (*boxListing, error) {
	l, used := &boxListing{format: "COCO"}, map[string]bool{}
	var doubts []error
	for _, j := range f.others(".json") {
		b, err := j.read(mostJSONBytes)
		var c *cocoFile
		if err == nil {
			c, err = parseCOCO(b)
		}
		if err != nil {
			doubts = append(doubts, fmt.Errorf("%s: %w", j.Path, err))
			continue
		}
		if c != nil {
			l.addCOCO(f, j, c, used)
		}
	}
	if l.classes == nil {
		f.doubts = append(f.doubts, doubts...)
		return nil, fs.ErrNotExist
	}
	return l, errors.Join(doubts...)
}

// parseCOCO is nil for JSON that is something else.
func parseCOCO(b []byte) (*cocoFile, error) {
	c := new(cocoFile)
	err := json.Unmarshal(b, c)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return nil, fmt.Errorf("line %d: %w", lineAt(b, syntax.Offset), err)
	}
	if c.Images == nil || c.Annotations == nil || c.Categories == nil {
		return nil, nil
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return nil, fmt.Errorf("line %d: %s is a %s", lineAt(b, kind.Offset), kind.Field, kind.Value)
	}
	return c, err
}

func lineAt(b []byte, offset int64) int {
	return 1 + strings.Count(string(b[:min(max(offset, 0), int64(len(b)))]), "\n")
}

// addCOCO takes the pictures of one file.
func (l *boxListing) addCOCO(f *folder, j item, c *cocoFile, used map[string]bool) {
	names := l.categories(j, c)
	boxes, bad := l.annotations(j, c, names)
	for _, m := range c.Images {
		it, ok := f.near(j.Name, tablePath(m.File))
		switch {
		case !ok:
			l.skip(j.Path, "image %s: no picture %q", m.ID, m.File)
		case used[it.Name]:
			l.skip(it.Path, "stands in another JSON file too, or twice in %s", j.Name)
		default:
			used[it.Name] = true
			l.items = append(l.items, item{Sample: it.Sample, boxes: boxes[m.ID], bad: bad[m.ID], part: filePart(j.Name), stated: image.Pt(m.Width, m.Height)})
		}
		delete(boxes, m.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(boxes)) {
		l.skip(j.Path, "%d annotations of image %s, which it does not list", len(boxes[id]), id)
	}
}

// categories is the names by id; new ones are classes.
func (l *boxListing) categories(j item, c *cocoFile) map[cocoID]string {
	names, known := map[cocoID]string{}, map[string]bool{}
	for _, name := range l.classes {
		known[name] = true
	}
	for _, k := range c.Categories {
		if k.Name == "" {
			l.skip(j.Path, "category %s has no name", k.ID)
			continue
		}
		if names[k.ID] = k.Name; !known[k.Name] {
			known[k.Name] = true
			l.classes = append(l.classes, k.Name)
		}
	}
	if l.classes == nil {
		l.classes = []string{}
	}
	return names
}

// annotations is the boxes by image, and the number of those that cannot be used, which it names. A crowd is not one
// object, and is left out.
func (l *boxListing) annotations(j item, c *cocoFile, names map[cocoID]string) (boxes map[cocoID][]labelled, bad map[cocoID]int) {
	boxes, bad = map[cocoID][]labelled{}, map[cocoID]int{}
	for i, a := range c.Annotations {
		b := labelled{class: names[a.Category], where: fmt.Sprintf("annotation %d of %s", i+1, j.Name)}
		err := b.cocoBox(a.BBox, a.Crowd)
		if err == nil && b.class == "" {
			err = fmt.Errorf("category %q is not listed", a.Category)
		}
		if err != nil {
			bad[a.Image]++
			l.skip(j.Path, "annotation %d: %s", i+1, err)
			continue
		}
		boxes[a.Image] = append(boxes[a.Image], b)
	}
	return boxes, bad
}

// cocoBox reads x, y, width and height.
func (b *labelled) cocoBox(v []float64, crowd int) error {
	if crowd != 0 {
		return errors.New("a crowd is no single object")
	}
	if len(v) != 4 {
		return fmt.Errorf("bbox of %d numbers, want x, y, width, height", len(v))
	}
	for _, x := range v {
		if math.Abs(x) > 1e6 {
			return fmt.Errorf("%v is no number of pixels", x)
		}
	}
	b.xmin, b.ymin, b.xmax, b.ymax = v[0], v[1], v[0]+v[2], v[1]+v[3]
	return b.check()
}

// filePart is the part that a JSON file's name or folder tells, as in instances_val2017.json and valid/_annotations.coco.json.
func filePart(name string) string {
	for _, word := range strings.FieldsFunc(path.Base(name), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if p := partName(word); p != "" {
			return p
		}
	}
	return pathPart(name)
}
