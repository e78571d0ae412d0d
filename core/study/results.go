package study

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/secateur/secateur/core/data"
)

// Key says which run a result is of.
type Key struct {
	Model     string `json:"model"`
	Data      string `json:"data"`
	Shots     int    `json:"shots"`
	Seed      int    `json:"seed"`
	Selector  string `json:"selector"` // or dense, or a control
	Allocator string `json:"allocator,omitempty"`
	Keep      string `json:"keep,omitempty"`
	Repair    string `json:"repair,omitempty"`
	Tuning    string `json:"tuning,omitempty"`
}

// Result is one run, one line of results.jsonl and results.csv.
type Result struct {
	Key
	Accuracy float64  `json:"accuracy"` // of the test images, per cent
	Macro    float64  `json:"macro"`    // mean over the classes
	Worst    float64  `json:"worst"`    // of the worst class
	Loss     float64  `json:"loss"`
	MACs     int64    `json:"macs"`
	Params   int      `json:"params"`
	Images   int      `json:"images"` // of the test
	Seconds  float64  `json:"seconds"`
	Updates  int      `json:"updates,omitempty"` // steps of training after the dense network
	Skipped  string   `json:"skipped,omitempty"` // why the criterion is not defined here
	Removed  []string `json:"removed,omitempty"` // group/filter, for the agreement of criteria
}

// Results are those of a study's folder. They only grow: a run that is there is not done again.
type Results struct {
	mu   sync.Mutex
	path string
	done map[Key]Result
	list []Result
}

const linesName = "results.jsonl"

// OpenResults reads what is there of a study. A last line that a power cut has torn off is forgotten; another that is no result
// is an error, and nothing is lost.
func OpenResults(dir string) (*Results, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r := &Results{path: filepath.Join(dir, linesName), done: map[Key]Result{}}
	f, err := os.Open(r.path)
	if os.IsNotExist(err) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	good, torn := int64(0), 0
	for n := 1; lines.Scan(); n++ {
		if torn > 0 {
			return nil, fmt.Errorf("%w: %s: line %d is no result, and others follow it", data.ErrUnusable, r.path, torn)
		}
		var one Result
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			torn = n
			continue
		}
		good += int64(len(lines.Bytes())) + 1
		r.remember(one)
	}
	if info, err := f.Stat(); err == nil && info.Size() > good {
		if err := os.Truncate(r.path, good); err != nil {
			return nil, err
		}
	}
	return r, lines.Err()
}

// densePath is where the dense network of a draw is kept.
func (r *Results) densePath(k Key) string {
	return filepath.Join(filepath.Dir(r.path), "dense", fmt.Sprintf("%s-%s-%d-%d.secateur", k.Model, k.Data, k.Shots, k.Seed))
}

func (r *Results) remember(one Result) {
	r.done[one.Key] = one
	r.list = append(r.list, one)
}

// Has reports whether a run is there.
func (r *Results) Has(k Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.done[k]
	return ok
}

// All are the results in the order in which they came.
func (r *Results) All() []Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Result{}, r.list...)
}

// add writes a result down before it is known.
func (r *Results) add(one Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	line, err := json.Marshal(one)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	r.remember(one)
	return nil
}
