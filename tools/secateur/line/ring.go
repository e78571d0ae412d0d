package line

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/secateur/secateur/device/durable"
	"golang.org/x/sys/unix"
)

// RingOptions bound what pictures take of a disk.
type RingOptions struct {
	Dir     string
	Budget  int64         // bytes of all pictures; the oldest make room
	PerDay  int64         // bytes written in 24 hours; 0: no bound
	Reserve int64         // bytes of the file system that are left free
	Age     time.Duration // older ones are removed; 0: never
}

// Ring is a folder of pictures, oldest first by name, with what lies beside each. It is for one goroutine at a time.
type Ring struct {
	RingOptions
	run   uint64
	files []kept
	total int64
	day   time.Time // when the running day began
	spent int64     // bytes written in it

	free func(dir string) (int64, error)
	now  func() time.Time
}

type kept struct {
	name  string
	bytes int64
	at    time.Time
}

// ErrSpent says that the pictures of a day have their bytes.
var ErrSpent = errors.New("the bytes of this day are spent")

// OpenRing reads the folder, which is made if it is not there, and counts a new run.
func OpenRing(o RingOptions) (*Ring, error) {
	r := &Ring{RingOptions: o, free: freeBytes, now: time.Now}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("pictures: %w", err)
	}
	names, err := os.ReadDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("pictures: %w", err)
	}
	r.day = r.now()
	for _, e := range names {
		r.take(e)
	}
	slices.SortFunc(r.files, func(a, b kept) int { return compareNames(a.name, b.name) })
	r.run++
	return r, nil
}

func compareNames(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// take enters a file that is there; what a crash left half-written goes.
func (r *Ring) take(e fs.DirEntry) {
	if durable.IsTemp(e.Name(), "") {
		os.Remove(filepath.Join(r.Dir, e.Name()))
		return
	}
	var run, part uint64
	st, err := e.Info()
	if _, e2 := fmt.Sscanf(e.Name(), "%06d-%08d-", &run, &part); e2 != nil || err != nil || !st.Mode().IsRegular() {
		return
	}
	r.run = max(r.run, run)
	r.files = append(r.files, kept{e.Name(), st.Size(), st.ModTime()})
	r.total += st.Size()
	if age := r.now().Sub(st.ModTime()); age >= 0 && age < 24*time.Hour {
		r.spent += st.Size()
	}
}

// Write makes room and writes the pictures, in order, as long as there is room. wrote is how many are there.
func (r *Ring) Write(batch []durable.Named) (wrote, removed int, err error) {
	if r.now().Sub(r.day) >= 24*time.Hour {
		r.day, r.spent = r.now(), 0
	}
	n, bytes := r.allowed(batch)
	if n == 0 {
		return 0, 0, fmt.Errorf("%w: %d of %d", ErrSpent, r.spent, r.PerDay)
	}
	if removed, err = r.room(bytes); err != nil {
		return 0, removed, err
	}
	if err := durable.Batch(durable.Disk{}, r.Dir, batch[:n]); err != nil {
		return 0, removed, err
	}
	for _, f := range batch[:n] {
		r.files = append(r.files, kept{f.Name, int64(len(f.Data)), r.now()})
		r.total += int64(len(f.Data))
		r.spent += int64(len(f.Data))
	}
	if n < len(batch) {
		err = fmt.Errorf("%w: %d of %d", ErrSpent, r.spent, r.PerDay)
	}
	return n, removed, err
}

// allowed is how many of the batch the day and the budget have bytes for.
func (r *Ring) allowed(batch []durable.Named) (n int, bytes int64) {
	for _, f := range batch {
		more := bytes + int64(len(f.Data))
		if r.PerDay > 0 && r.spent+more > r.PerDay || more > r.Budget {
			break
		}
		n, bytes = n+1, more
	}
	if n > 0 && n < len(batch) && filepath.Ext(batch[n-1].Name) == foundExt { // what was found comes before its picture
		n, bytes = n-1, bytes-int64(len(batch[n-1].Data))
	}
	return n, bytes
}

// room removes the oldest until so many bytes fit; removed is how many pictures.
func (r *Ring) room(bytes int64) (removed int, err error) {
	for {
		free, err := r.free(r.Dir)
		if err != nil {
			return removed, err
		}
		old := r.Age > 0 && len(r.files) > 0 && r.now().Sub(r.files[0].at) > r.Age
		full, low := r.total+bytes > r.Budget, free-bytes < r.Reserve
		if !old && !full && !low {
			return removed, nil
		}
		if len(r.files) == 0 {
			return removed, fmt.Errorf("%d bytes are free in %s, %d are to stay so: %w", free, r.Dir, r.Reserve, unix.ENOSPC)
		}
		for oldest := stem(r.files[0].name); len(r.files) > 0 && stem(r.files[0].name) == oldest; {
			if err := r.removeOldest(); err != nil {
				return removed, err
			}
		}
		removed++
	}
}

func (r *Ring) removeOldest() error {
	if err := os.Remove(filepath.Join(r.Dir, r.files[0].name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r.total -= r.files[0].bytes
	r.files = r.files[1:]
	return nil
}

func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}
