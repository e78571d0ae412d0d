package data

import (
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

// full is the path of a name below the folder.
func (f *folder) full(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }
