package line

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Splits are the names of the folders that Write makes.
var Splits = []string{"train", "val", "test"}

// Write photographs split[s] specimens of every class into DIR/s/CLASS/NNNN.png, for each s of
// Splits that split names, in the size of the camera. No specimen appears twice, in any class or
// split. Folders appear whole or not at all; one that has files already is an error.
func (l Line) Write(dir string, split map[string]int, seed uint64) error {
	if err := check(dir, split); err != nil {
		return fmt.Errorf("write %s line: %w", l.Name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write %s line: %w", l.Name, err)
	}
	tmp, err := os.MkdirTemp(dir, ".line-")
	if err != nil {
		return fmt.Errorf("write %s line: %w", l.Name, err)
	}
	defer os.RemoveAll(tmp)
	if err := l.fill(tmp, split, seed); err != nil {
		return fmt.Errorf("write %s line: %w", l.Name, err)
	}
	return move(tmp, dir, split)
}

// check refuses splits that no command reads, counts below one and folders with files in them.
func check(dir string, split map[string]int) error {
	for name, n := range split {
		if !slices.Contains(Splits, name) {
			return fmt.Errorf("split %q, want one of %q", name, Splits)
		}
		if n < 1 || n > maxImages {
			return fmt.Errorf("%d images a class in split %q, want 1 to %d", n, name, maxImages)
		}
		if files, _ := os.ReadDir(filepath.Join(dir, name)); len(files) > 0 {
			return fmt.Errorf("%s has files in it, want an empty folder or none", filepath.Join(dir, name))
		}
	}
	return nil
}

// maxImages of a class in a split keep the numbers of specimens apart.
const maxImages = 1 << 24

// shot is one picture to store.
type shot struct {
	class int
	index uint64
	file  string
}

func (l Line) fill(dir string, split map[string]int, seed uint64) error {
	shots, err := l.plan(dir, split)
	if err != nil {
		return err
	}
	return each(len(shots), func(i int) error {
		s := shots[i]
		return store(s.file, l.Render(s.class, seed, s.index, l.Camera.Width, l.Camera.Height))
	})
}

// plan makes the folders and lists the pictures. The index of a specimen is its split, its class
// and its number, 8, 8 and 24 bits and more.
func (l Line) plan(dir string, split map[string]int) ([]shot, error) {
	var shots []shot
	for i, name := range Splits {
		for class, label := range l.Classes() {
			if split[name] == 0 {
				continue
			}
			folder := filepath.Join(dir, name, label)
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return nil, err
			}
			for n := range split[name] {
				index := uint64(i)<<40 | uint64(class)<<32 | uint64(n)
				shots = append(shots, shot{class, index, filepath.Join(folder, fmt.Sprintf("%04d.png", n))})
			}
		}
	}
	return shots, nil
}

func store(name string, img image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	return errors.Join(enc.Encode(f, img), f.Close())
}

// move puts the finished folders in their places.
func move(from, to string, split map[string]int) error {
	for name := range split {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return fmt.Errorf("write line: %w", err)
		}
	}
	return nil
}

// each calls do(0) to do(n-1) from as many goroutines as there are processors, until one fails.
func each(n int, do func(int) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, runtime.GOMAXPROCS(0))
	for w := range errs {
		wg.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[w] = do(i)
			}
			next.Store(int64(n))
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
