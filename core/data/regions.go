package data

import (
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// RegionSide is the number of cells along each side of a Region.
const RegionSide = 56

// Region is where the defects of one picture lie: the share of each cell that they take, of RegionSide×RegionSide cells
// that the picture is divided into, row by row.
type Region []float32

// Regions finds the regions of samples, nil for those without, and names what it could not use. Under the folder that
// was given to Open it looks for
//
//	boxes.csv  columns file, class, xmin, ymin, xmax, ymax in pixels of the upright picture, as OpenBoxes reads it;
//	           file as in split.csv
//	masks/*    pictures of the same names, as large as the picture and light where the defect is: for
//	           images/scratch/7.jpg masks/scratch/7.png, else masks/images/scratch/7.png or masks/7.png
//
// A picture's mask goes before its boxes; samples of OpenBoxes have theirs already. Without any region the error matches ErrUnusable.
func Regions(samples []Sample) ([]Region, []Skip, error) {
	f := &regionFinder{boxes: map[string]*boxTable{}}
	out, found := make([]Region, len(samples)), false
	for i, s := range samples {
		region, err := f.find(s)
		if err != nil {
			f.skipped = append(f.skipped, Skip{s.Path, err.Error()})
			continue
		}
		out[i] = region
		found = found || region != nil
	}
	if !found {
		return nil, f.skipped, unusable("none of %d pictures has a mask in masks/ or a box in boxes.csv (file, class, xmin, ymin, xmax, ymax)%s",
			len(samples), firstOf(f.skipped))
	}
	return out, f.skipped, nil
}

// InputRegions is Regions where they lie in the input that a network makes of each picture.
func InputRegions(samples []Sample, p Preprocess) ([]Region, []Skip, error) {
	list, skipped, err := Regions(samples)
	if err != nil || !p.Letterbox {
		return list, skipped, err
	}
	for i, r := range list {
		if r == nil {
			continue
		}
		size, err := Size(samples[i].Path)
		if err != nil {
			return nil, skipped, err
		}
		list[i] = r.placed(p, size)
	}
	return list, skipped, nil
}

// placed is a region of a picture in cells of the input around it.
func (r Region) placed(p Preprocess, size image.Point) Region {
	to, out := p.fit(size.X, size.Y), make(Region, len(r))
	cell := func(i, side, from, length int) int { // of the picture; -1 beside it
		at := ((float64(i)+0.5)/RegionSide*float64(side) - float64(from)) / float64(length)
		if at < 0 || at >= 1 {
			return -1
		}
		return int(at * RegionSide)
	}
	for i := range out {
		x, y := cell(i%RegionSide, p.Width, to.Min.X, to.Dx()), cell(i/RegionSide, p.Height, to.Min.Y, to.Dy())
		if x >= 0 && y >= 0 {
			out[i] = r[y*RegionSide+x]
		}
	}
	return out
}

// regionFinder keeps what it has read of tables, by folder.
type regionFinder struct {
	boxes   map[string]*boxTable
	skipped []Skip
	decoder decoder
}

// find is the region of one sample, nil without one.
func (f *regionFinder) find(s Sample) (Region, error) {
	root := rootOf(s)
	for _, name := range maskNames(s.Name) {
		full := filepath.Join(root, filepath.FromSlash(name))
		if info, err := os.Stat(full); err == nil && !info.IsDir() {
			return f.mask(s, full)
		}
	}
	if s.Boxes != nil {
		return f.paint(s, s.Boxes)
	}
	return f.paint(s, f.listed(s, root))
}

// listed is the boxes that boxes.csv has for a sample. Those that leave the picture are named and left out.
func (f *regionFinder) listed(s Sample, root string) []Box {
	table := f.table(root)
	for _, name := range []string{s.Name, strings.TrimPrefix(s.Name, "images/"), path.Base(s.Name)} {
		if list := table.boxes[name]; list != nil {
			return f.inside(s, list)
		}
	}
	return nil
}

func (f *regionFinder) inside(s Sample, list []labelled) (boxes []Box) {
	size, err := f.decoder.size(s.Path)
	for _, b := range list {
		if err == nil {
			err = b.leaves(size)
		}
		if err != nil {
			f.skipped = append(f.skipped, Skip{s.Path, fmt.Sprintf("%s: %s", b.where, err)})
			err = nil
			continue
		}
		boxes = append(boxes, b.box(0))
	}
	return boxes
}

// table is the boxes of DIR/boxes.csv, read once.
func (f *regionFinder) table(root string) *boxTable {
	if t, ok := f.boxes[root]; ok {
		return t
	}
	t, err := readBoxTable(root)
	if err != nil {
		t = new(boxTable)
		if !errors.Is(err, fs.ErrNotExist) {
			f.skipped = append(f.skipped, Skip{filepath.Join(root, boxesFile), bare(err).Error()})
		}
	}
	f.skipped = append(f.skipped, t.skipped...)
	f.boxes[root] = t
	return t
}

// rootOf is the folder that a sample's name is below.
func rootOf(s Sample) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.ToSlash(s.Path), s.Name), "/")
}

// maskNames is where the mask of a picture may lie.
func maskNames(name string) []string {
	png := strings.TrimSuffix(name, path.Ext(name)) + ".png"
	return []string{path.Join("masks", strings.TrimPrefix(png, "images/")), path.Join("masks", png), path.Join("masks", path.Base(png))}
}

// mask reads one.
func (f *regionFinder) mask(s Sample, path string) (Region, error) {
	size, err := f.decoder.size(s.Path)
	if err != nil {
		return nil, err
	}
	w, h := size.X, size.Y
	m, err := Decode(path)
	if err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	if m.W != w || m.H != h {
		return nil, fmt.Errorf("mask %s is %d×%d, the picture %d×%d", path, m.W, m.H, w, h)
	}
	on := make([]float32, w*h)
	for i := range on {
		if m.Pix[3*i] >= 128 {
			on[i] = 1
		}
	}
	return region(on, w, h), nil
}

// paint makes a region of boxes, nil of none.
func (f *regionFinder) paint(s Sample, boxes []Box) (Region, error) {
	if len(boxes) == 0 {
		return nil, nil
	}
	size, err := f.decoder.size(s.Path)
	if err != nil {
		return nil, err
	}
	w, h := size.X, size.Y
	on := make([]float32, w*h)
	for _, b := range boxes {
		b = b.Clip(0, 0, float32(w), float32(h))
		for y := int(b.YMin); y < int(math.Ceil(float64(b.YMax))); y++ {
			for x := int(b.XMin); x < int(math.Ceil(float64(b.XMax))); x++ {
				on[y*w+x] = 1
			}
		}
	}
	return region(on, w, h), nil
}

func region(on []float32, w, h int) Region { return resample(on, h, w, RegionSide, RegionSide) }

// Grid is the share of each cell of another grid, row by row.
func (r Region) Grid(rows, cols int) []float32 {
	return resample(r, RegionSide, RegionSide, rows, cols)
}

// resample is the mean of x over each cell of a grid laid over it.
//
//	x  h×w
//	y  rows×cols
func resample(x []float32, h, w, rows, cols int) []float32 {
	half, out := make([]float32, h*cols), make([]float32, rows*cols)
	for i := range h {
		for j := range cols {
			lo, hi := float64(j)*float64(w)/float64(cols), float64(j+1)*float64(w)/float64(cols)
			half[i*cols+j] = meanOver(x[i*w:(i+1)*w], 1, lo, hi)
		}
	}
	for i := range rows {
		for j := range cols {
			lo, hi := float64(i)*float64(h)/float64(rows), float64(i+1)*float64(h)/float64(rows)
			out[i*cols+j] = meanOver(half[j:], cols, lo, hi)
		}
	}
	return out
}

// meanOver is the mean from lo to hi of a function that has value x[k·stride] from k to k+1.
func meanOver(x []float32, stride int, lo, hi float64) float32 {
	sum := 0.0
	for k := int(lo); float64(k) < hi && k*stride < len(x); k++ {
		sum += float64(x[k*stride]) * (min(hi, float64(k+1)) - max(lo, float64(k)))
	}
	return float32(sum / (hi - lo))
}
