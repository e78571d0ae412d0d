package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
)

// Where a run's state stands among the tensors and the meta of its checkpoints.
const (
	kindRun     = "secateur run"
	metaSpot    = "secateur.run.position"
	metaConfig  = "secateur.run.config"
	savedPrefix = "optim/"
	bestPrefix  = "best/"
	anchorName  = "anchor"
	gatesPrefix = "gates/"
)

// RunError says that a run folder does not fit what was asked of it.
type RunError struct{ Dir, Reason string }

func (e *RunError) Error() string { return e.Dir + " " + e.Reason }

// generations are the run's checkpoints: the newest three.
func (j *job) generations() checkpoint.Generations {
	return checkpoint.Generations{Dir: j.RunDir, Base: "run", Keep: 3}
}

// openRun makes or resumes the run folder.
func (j *job) openRun() error {
	if j.RunDir != "" {
		if err := os.MkdirAll(j.RunDir, 0o755); err != nil {
			return err
		}
	}
	var err error
	if j.log, err = newLog(j.RunDir, j.On); err != nil {
		return err
	}
	j.log.detector = j.task == detector{}
	if err = j.resumeOrRefuse(); err == nil {
		err = j.saveRecord()
	}
	if err != nil {
		j.log.close()
	}
	return err
}

// resumeOrRefuse loads the newest good checkpoint when asked to, and never writes over a run that
// is there when not.
func (j *job) resumeOrRefuse() error {
	if j.RunDir == "" {
		return nil
	}
	j.mark = j.fingerprint()
	gens := j.generations()
	f, path, warnings, err := gens.Load()
	switch none := errors.Is(err, fs.ErrNotExist); {
	case none && j.Resume:
		return j.warn(j.RunDir + " holds no checkpoint: the run starts from the beginning")
	case none:
		return nil
	case !j.Resume:
		return &RunError{j.RunDir, "holds a run already: go on with --resume, or name another --run folder"}
	case err != nil:
		return err
	}
	for _, w := range warnings {
		if err := j.warn(w); err != nil {
			return err
		}
	}
	return j.load(f, path)
}

func (j *job) warn(message string) error {
	return j.log.emit(Event{Event: "warning", Message: message})
}

// warnOnce warns of what it has not warned of before in this process.
func (j *job) warnOnce(message string) error {
	if slices.Contains(j.warned, message) {
		return nil
	}
	j.warned = append(j.warned, message)
	return j.warn(message)
}

// fingerprint is what must be the same for a run to go on: everything that its bits follow from.
func (j *job) fingerprint() string {
	h := sha256.New()
	c := j.Config
	for _, n := range c.Model.Nodes {
		fmt.Fprint(h, n.Name, n.Shape)
		binary.Write(h, binary.LittleEndian, n.Value)
	}
	fmt.Fprint(h, j.Env.Kernels.Name, c.Part, c.HeadSteps, c.Epochs, c.Batch, c.Adam, c.Rate, c.Decay, c.Smoothing, c.LayerDecay, c.Backbone,
		c.L2SP, c.BSS, c.Clip, c.Average, c.Warm, c.Patience, c.NoWeights, c.Views, c.TrainNorm, c.Augment, c.Seed, c.MemoryBudget, c.Cache, c.Data.Classes)
	if c.Detect != nil {
		fmt.Fprintf(h, "%+v", *c.Detect)
	}
	if c.Prune != nil {
		fmt.Fprintf(h, "%+v", *c.Prune)
	}
	for _, part := range [][]data.Sample{j.train, j.val, j.test} {
		for _, s := range part {
			fmt.Fprint(h, s.Path, s.Class, " ")
			for _, b := range s.Boxes {
				fmt.Fprint(h, b, " ")
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// save writes the state as the newest generation.
func (j *job) save() error {
	if j.RunDir == "" {
		return nil
	}
	f, err := checkpoint.ModelFile(j.net)
	if err != nil {
		return err
	}
	pos := j.pos
	pos.Elapsed = j.elapsed().Seconds()
	spot, err := json.Marshal(pos)
	if err != nil {
		return err
	}
	f.Kind = kindRun
	f.Meta[metaSpot], f.Meta[metaConfig] = string(spot), j.mark
	f.Tensors = appendValues(f.Tensors, savedPrefix, j.saved)
	f.Tensors = appendValues(f.Tensors, bestPrefix, j.best)
	f.Tensors = appendValues(f.Tensors, gatesPrefix, j.gates)
	if j.anchor != nil {
		f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: anchorName, Shape: []int{len(j.anchor)}, F32: j.anchor})
	}
	gens := j.generations()
	return gens.Save(f)
}

func appendValues(ts []checkpoint.Tensor, prefix string, values map[string][]float32) []checkpoint.Tensor {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		ts = append(ts, checkpoint.Tensor{Name: prefix + name, Shape: []int{len(v)}, F32: v})
	}
	return ts
}

// load takes the state from a checkpoint of the same configuration.
func (j *job) load(f *checkpoint.File, path string) error {
	if f.Kind != kindRun {
		return fmt.Errorf("%s: holds a %q, want a %q", path, f.Kind, kindRun)
	}
	if f.Meta[metaConfig] != j.mark {
		return &RunError{j.RunDir, "holds a run of another model, other options, images or kernels: give the same ones, or name another --run folder"}
	}
	var err error
	if err = json.Unmarshal([]byte(f.Meta[metaSpot]), &j.pos); err != nil {
		return fmt.Errorf("%s: position: %w", path, err)
	}
	delete(f.Meta, metaSpot)
	delete(f.Meta, metaConfig)
	if j.net, err = f.Graph(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	j.saved, j.best, j.gates = map[string][]float32{}, nil, nil
	for _, t := range f.Tensors {
		if name, ok := strings.CutPrefix(t.Name, savedPrefix); ok {
			j.saved[name] = t.F32
		} else if name, ok := strings.CutPrefix(t.Name, bestPrefix); ok {
			if j.best == nil {
				j.best = map[string][]float32{}
			}
			j.best[name] = t.F32
		} else if name, ok := strings.CutPrefix(t.Name, gatesPrefix); ok {
			if j.gates == nil {
				j.gates = map[string][]float32{}
			}
			j.gates[name] = t.F32
		} else if t.Name == anchorName {
			j.anchor = t.F32
		}
	}
	j.began = time.Now()
	return nil
}
