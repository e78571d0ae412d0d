package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/pruning/groups"
)

// What a run folder holds beside checkpoints and events: what was asked for and with which images, and the
// network as it was before the first cut.
const (
	recordName = "run.json"
	denseName  = "dense.secateur"
)

// record is run.json.
type record struct {
	Schema           int      `json:"schema"`
	Folder           string   `json:"data"` // where the images lay, "" where they lie anywhere
	Train, Val, Test []shot   `json:",omitempty"`
	Classes          []string `json:"classes"`
	Seed             uint64   `json:"seed"`
	Prune            *Prune   `json:"prune,omitempty"`
}

// shot is one image of a record. File counts from the record's folder unless it is absolute.
type shot struct {
	File  string     `json:"file"`
	Class int        `json:"class"`
	Boxes []data.Box `json:"boxes,omitzero"` // of a detector's
}

// saveRecord writes run.json.
func (j *job) saveRecord() error {
	if j.RunDir == "" {
		return nil
	}
	r := record{Schema: 1, Classes: j.Data.Classes, Seed: j.Seed, Prune: j.Prune}
	if j.Folder != "" {
		var err error
		if r.Folder, err = filepath.Abs(j.Folder); err != nil {
			return err
		}
	}
	r.Train, r.Val, r.Test = r.shots(j.train), r.shots(j.val), r.shots(j.test)
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(j.RunDir, recordName), b)
}

func (r *record) shots(samples []data.Sample) []shot {
	var list []shot
	for _, s := range samples {
		file := s.Path
		if full, err := filepath.Abs(file); err == nil {
			file = full
		}
		if below, err := filepath.Rel(r.Folder, file); r.Folder != "" && err == nil && filepath.IsLocal(below) {
			file = filepath.ToSlash(below)
		}
		list = append(list, shot{file, s.Class, s.Boxes})
	}
	return list
}

// samples are the images of a record below folder.
func samples(list []shot, folder string) []data.Sample {
	var out []data.Sample
	for _, s := range list {
		x := data.Sample{Path: filepath.FromSlash(s.File), Name: s.File, Class: s.Class, Boxes: s.Boxes}
		if !filepath.IsAbs(x.Path) {
			x.Path = filepath.Join(folder, x.Path)
		}
		out = append(out, x)
	}
	return out
}

// saveNet keeps the network as it is now in the run folder, where there is one.
func (j *job) saveNet(name string) error {
	if j.RunDir == "" {
		return nil
	}
	g, _, err := j.net.WithBatch(1)
	if err != nil {
		return err
	}
	return checkpoint.SaveModel(filepath.Join(j.RunDir, name), g)
}

// Run is what the folder of a pruning run holds: both networks, how one came from the other, and the images.
type Run struct {
	Dir        string
	Phase      string       // where it stands: prune, final or done
	Dense, Net *graph.Graph // before the first cut, and now
	Classes    []string
	Seed       uint64
	Prune      Prune
	Turns      []Turn
	Change     *groups.Change // from Dense to Net; nil: nothing was cut
	Original   groups.Cost
	Report     *eval.Report // of the dense network on Tested

	Train, Tested, Judges []data.Sample // trained with, reported on, and those that turns were accepted by
	JudgedOn              string
}

// OpenRun reads the folder of a run that prunes, finished or not. The images are looked for in folder, or where
// they were if it is "". A folder without such a run is a *RunError; images that are gone match data.ErrUnusable.
func OpenRun(dir, folder string) (*Run, error) {
	rec, err := readRecord(dir)
	if err != nil {
		return nil, err
	}
	j := &job{Config: Config{RunDir: dir, Data: &data.Splits{Classes: rec.Classes}}}
	gens := j.generations()
	f, path, _, err := gens.Load()
	if err != nil {
		return nil, &RunError{dir, "holds no checkpoint that can be read: " + err.Error()}
	}
	j.mark = f.Meta[metaConfig]
	if err := j.load(f, path); err != nil {
		return nil, err
	}
	if j.pos.Prune == nil {
		return nil, &RunError{dir, fmt.Sprintf("has cut nothing yet: it stands in phase %s", j.pos.Phase)}
	}
	if folder == "" {
		folder = rec.Folder
	}
	j.train, j.val, j.test = samples(rec.Train, folder), samples(rec.Val, folder), samples(rec.Test, folder)
	if j.task = taskOf(j.net); j.task == (detector{}) && j.train[0].Boxes == nil {
		return nil, &RunError{dir, "holds the run of a detector without the boxes of its pictures: it was made by an older version"}
	}
	r := &Run{Dir: dir, Phase: j.pos.Phase, Classes: rec.Classes, Seed: rec.Seed, Prune: *rec.Prune, Turns: j.pos.Prune.Turns,
		Change: j.pos.Prune.Change, Original: j.pos.Prune.Original, Report: j.pos.Dense, Train: j.train, Tested: j.tested()}
	r.Judges, r.JudgedOn = j.judges()
	if r.Net, _, err = j.net.WithBatch(1); err != nil {
		return nil, err
	}
	if r.Dense, err = checkpoint.LoadModel(filepath.Join(dir, denseName)); err != nil {
		return nil, fmt.Errorf("the network before pruning: %w", err)
	}
	return r, r.demandImages()
}

// readRecord reads run.json and says what is wrong with a folder that lacks it.
func readRecord(dir string) (*record, error) {
	b, err := os.ReadFile(filepath.Join(dir, recordName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &RunError{dir, "holds no run: there is no " + recordName + " in it"}
	case err != nil:
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, &RunError{dir, fmt.Sprintf("holds a damaged %s: %v", recordName, err)}
	}
	if r.Prune == nil {
		return nil, &RunError{dir, "holds a run without pruning: no filter was removed"}
	}
	return r, nil
}

// demandImages refuses a run whose images are no longer where they were.
func (r *Run) demandImages() error {
	var gone []string
	for _, s := range slices.Concat(r.Train, r.Tested, r.Judges) {
		if _, err := os.Stat(s.Path); err != nil && !slices.Contains(gone, s.Path) {
			gone = append(gone, s.Path)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d images of the run in %s are gone: %s", data.ErrUnusable, len(gone), r.Dir, strings.Join(gone[:min(3, len(gone))], ", "))
}
