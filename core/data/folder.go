package data

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// partFolders is the names of the folders in dir that are called like a part.
func partFolders(dir string, entries []fs.DirEntry) []string {
	var parts []string
	for _, e := range entries {
		if partName(e.Name()) != "" && isDir(filepath.Join(dir, e.Name())) {
			parts = append(parts, e.Name())
		}
	}
	return parts
}

// listParts lists DIR/{train,val,test}/CLASS/*.
func listParts(dir string, parts []string) (*listing, error) {
	all := new(listing)
	for _, part := range parts {
		l, err := listClasses(dir, filepath.Join(dir, part), partName(part))
		if err != nil {
			return nil, err
		}
		all.items = append(all.items, l.items...)
		all.classes = append(all.classes, l.classes...)
		all.skipped = append(all.skipped, l.skipped...)
	}
	return all, nil
}

// listClasses lists the class folders in folder, which is dir or lies in it.
func listClasses(dir, folder, part string) (*listing, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, unusable("%s: %w", folder, bare(err))
	}
	l := new(listing)
	for _, e := range entries {
		if ignored(e.Name()) || !isDir(filepath.Join(folder, e.Name())) {
			continue
		}
		l.classes = append(l.classes, e.Name())
		w := walk{listing: l, dir: dir, class: e.Name(), part: part, seen: map[string]bool{}}
		w.folder(filepath.Join(folder, e.Name()))
	}
	if len(l.classes) == 0 {
		return nil, unusable("%s: no folder of a class, want one for each", folder)
	}
	return l, nil
}

// walk collects the files of one class.
type walk struct {
	*listing
	dir, class, part string
	seen             map[string]bool // real paths
}

// once reports whether path, links resolved, comes up for the first time: a circle of links ends
// here.
func (w *walk) once(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		w.skip(path, bare(err))
		return false
	}
	first := !w.seen[real]
	w.seen[real] = true
	return first
}

func (w *walk) skip(path string, err error) {
	w.skipped = append(w.skipped, Skip{path, err.Error()})
}

// folder collects the files in path and below.
func (w *walk) folder(path string) {
	if !w.once(path) {
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		w.skip(path, bare(err))
		return
	}
	for _, e := range entries {
		full := filepath.Join(path, e.Name())
		switch {
		case ignored(e.Name()):
		case isDir(full):
			w.folder(full)
		case w.once(full):
			w.file(full)
		}
	}
}

func (w *walk) file(full string) {
	s := Sample{Path: full, Name: relative(w.dir, full)}
	w.items = append(w.items, item{Sample: s, class: w.class, part: w.part})
}

// relative is full as a slash path below dir.
func relative(dir, full string) string {
	rel, err := filepath.Rel(dir, full)
	if err != nil {
		return path.Clean(filepath.ToSlash(full))
	}
	return filepath.ToSlash(rel)
}

// ignored files belong to the system: hidden ones, and what network drives and Macs add.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || name == "@eaDir" || name == "__MACOSX"
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
