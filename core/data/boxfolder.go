package data

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// folder is all files below DIR.
type folder struct {
	dir    string
	files  []item // pictures and others, in the order of the walk
	byName map[string]*item
	byBase map[string][]*item // by the last element, pictures alone
	byStem map[string][]*item // likewise, without its extension
	doubts []error            // of files that may have been meant
}

// pictureExtensions are those of files that may be pictures; what they are is decided by their bytes.
var pictureExtensions = []string{".jpg", ".jpeg", ".png", ".bmp", ".webp"}

func isPicture(name string) bool {
	return slices.Contains(pictureExtensions, strings.ToLower(path.Ext(name)))
}

// readFolder lists dir. Links are followed once, hidden files passed over.
func readFolder(dir string) (*folder, error) {
	l := new(listing)
	w := walk{listing: l, dir: dir, seen: map[string]bool{}}
	w.folder(dir)
	if len(l.items) == 0 {
		if len(l.skipped) > 0 {
			return nil, unusable("%s", l.skipped[0])
		}
		return nil, unusable("%s: no file", dir)
	}
	f := &folder{dir: dir, files: l.items, byName: map[string]*item{}, byBase: map[string][]*item{}, byStem: map[string][]*item{}}
	for i := range f.files {
		it := &f.files[i]
		f.byName[it.Name] = it
		if isPicture(it.Name) && !strings.HasPrefix(it.Name, "masks/") {
			f.byBase[path.Base(it.Name)] = append(f.byBase[path.Base(it.Name)], it)
			f.byStem[stem(it.Name)] = append(f.byStem[stem(it.Name)], it)
		}
	}
	return f, nil
}

// stem is the last element of a name without its extension.
func stem(name string) string {
	base := path.Base(name)
	return strings.TrimSuffix(base, path.Ext(base))
}

// find is the file that a table calls by name: below DIR, below DIR/images, or the only picture called so.
func (f *folder) find(name string) (*item, bool) {
	for _, n := range []string{name, path.Join("images", name)} {
		if it := f.byName[n]; it != nil {
			return it, true
		}
	}
	if same := f.byBase[path.Base(name)]; len(same) == 1 && !strings.Contains(name, "/") {
		return same[0], true
	}
	return nil, false
}

// beside is the picture of a file of labels: the one called like it whose path is most like its own.
func (f *folder) beside(name string) (*item, bool) { return nearest(f.byStem[stem(name)], name) }

// near is the picture that a file calls name: as find does, or the one whose path is most like that file's.
func (f *folder) near(file, name string) (*item, bool) {
	for _, n := range []string{path.Join(path.Dir(file), name), name} {
		if it, ok := f.find(n); ok {
			return it, true
		}
	}
	return nearest(f.byBase[path.Base(name)], file)
}

// nearest is the item that shares the most folders with a path, the first of several.
func nearest(items []*item, name string) (best *item, ok bool) {
	dirs, most := strings.Split(path.Dir(name), "/"), -1
	for _, it := range items {
		n := 0
		for _, d := range strings.Split(path.Dir(it.Name), "/") {
			if slices.Contains(dirs, d) {
				n++
			}
		}
		if n > most {
			best, most = it, n
		}
	}
	return best, best != nil
}

// others is the files with an extension.
func (f *folder) others(ext ...string) []item {
	var out []item
	for _, it := range f.files {
		if slices.Contains(ext, strings.ToLower(path.Ext(it.Name))) {
			out = append(out, it)
		}
	}
	return out
}

// read is a whole file of labels of at most some bytes. It asks what it is first: opening a pipe would wait.
func (it item) read(most int64) ([]byte, error) {
	d := decoder{lim: limits{bytes: most}}
	err := d.read(it.Path)
	return d.buf, err
}

// partLists reads train.txt, val.txt and test.txt in a folder below DIR, one picture a line by its path, name or stem.
// It is nil if there is none of them.
func (f *folder) partLists(dir string) (map[*item]string, error) {
	var parts map[*item]string
	for _, part := range []string{"train", "val", "test"} {
		list := f.byName[path.Join(dir, part+".txt")]
		if list == nil {
			continue
		}
		b, err := list.read(mostListBytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", list.Path, err)
		}
		if parts == nil {
			parts = map[*item]string{}
		}
		for line := range strings.Lines(string(b)) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), " ") // VOC has a flag behind it in the lists of classes
			if it, ok := f.listed(list.Name, name); ok {
				parts[it] = part
			}
		}
	}
	return parts, nil
}

// mostListBytes is as long as a list of pictures may be.
const mostListBytes = 64 << 20

func (f *folder) listed(list, name string) (*item, bool) {
	if name == "" {
		return nil, false
	}
	if isPicture(name) {
		return f.near(list, tablePath(name))
	}
	return nearest(f.byStem[path.Base(tablePath(name))], list)
}

// placeByList leaves out what the lists do not have; without a list it does nothing.
func (l *boxListing) placeByList(f *folder, parts map[*item]string) {
	if parts == nil {
		return
	}
	kept := l.items[:0:0]
	for _, it := range l.items {
		if it.part = parts[f.byName[it.Name]]; it.part == "" {
			l.skip(it.Path, "in none of train.txt, val.txt and test.txt")
			continue
		}
		kept = append(kept, it)
	}
	l.items = kept
}

// full is the path of a name below the folder.
func (f *folder) full(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }
