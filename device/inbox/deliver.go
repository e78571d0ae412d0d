package inbox

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// delivery is a stream's files on their way to their folder. Every path is opened below root, which no link leaves.
type delivery struct {
	root     *os.Root
	dir, tmp string
	room     int64
	files    []string // CLASS/NAME
}

// add writes a file, synced, into the hidden folder.
func (d *delivery) add(f File) error {
	if err := d.roomFor(int64(len(f.Bytes))); err != nil {
		return err
	}
	folder := path.Join(d.tmp, f.Class)
	if err := d.root.MkdirAll(folder, 0o775); err != nil {
		return err
	}
	out, err := d.root.OpenFile(path.Join(folder, f.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o664)
	if err != nil {
		return fmt.Errorf("%w: %s/%s is there twice, or cannot be written: %w", ErrStream, f.Class, f.Name, err)
	}
	_, err = out.Write(f.Bytes)
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	d.files = append(d.files, path.Join(f.Class, f.Name))
	return err
}

// labels are the extensions of files that say what is on pictures.
var labels = []string{".csv", ".json", ".names", ".txt", ".xml", ".yaml"}

// pictures is the number of files but those of labels.
func (d *delivery) pictures() (n int) {
	for _, f := range d.files {
		if !slices.Contains(labels, strings.ToLower(path.Ext(f))) {
			n++
		}
	}
	return n
}

// roomFor refuses what would leave less than room on the disk.
func (d *delivery) roomFor(n int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(d.dir, &st); err != nil {
		return err
	}
	if free := int64(st.Bavail) * st.Bsize; free-n < d.room {
		return fmt.Errorf("%w: %d bytes are free on the disk, %d must stay free", ErrFull, free, d.room)
	}
	return nil
}

// settle moves the files to their place and syncs the folders.
func (d *delivery) settle(set string) error {
	for _, f := range d.files {
		to := path.Join(set, f)
		if err := d.root.MkdirAll(path.Dir(to), 0o775); err != nil {
			return err
		}
		if err := d.root.Rename(path.Join(d.tmp, f), to); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, f := range d.files {
		if folder := path.Join(set, path.Dir(f)); !seen[folder] {
			seen[folder] = true
			if err := d.sync(folder); err != nil {
				return err
			}
		}
	}
	return d.sync(set)
}

func (d *delivery) sync(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
