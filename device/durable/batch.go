package durable

import (
	"fmt"
	"path/filepath"
)

// Named is a file of a batch.
type Named struct {
	Name string
	Data []byte
}

// Batch is Write of many files of one folder with one sync of it: after a power cut at any moment each is there whole
// or not at all. On an error those before the one it names are there.
func Batch(fs FS, dir string, files []Named) error {
	type pending struct{ tmp, path string }
	var wrote []pending
	err := func() error {
		for _, n := range files {
			p := pending{path: filepath.Join(dir, n.Name)}
			p.tmp = tempName(p.path)
			step, err := put(fs, p.tmp, 0, all(n.Data))
			if err != nil {
				if step != StepCreate {
					fs.Remove(p.tmp)
				}
				return fmt.Errorf("write %s: %s: %w", p.path, step, Plain(err))
			}
			wrote = append(wrote, p)
		}
		return nil
	}()
	for _, p := range wrote {
		if e := fs.Rename(p.tmp, p.path); e != nil && err == nil {
			fs.Remove(p.tmp)
			err = fmt.Errorf("write %s: %s: %w", p.path, StepRename, Plain(e))
		}
	}
	if e := fs.SyncDir(dir); e != nil && err == nil {
		err = fmt.Errorf("write into %s: %s: %w", dir, StepSyncDir, Plain(e))
	}
	return err
}
