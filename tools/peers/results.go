package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// result is a line of the file of results.
type result struct {
	Title   string
	Entries []entry
	Busy    float64
}

// readResults is what an earlier run measured; without a file, nothing.
func readResults(path string) (map[string]result, error) {
	have := map[string]result{}
	f, err := os.Open(path)
	if path == "" || errors.Is(err, os.ErrNotExist) {
		return have, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		var r result
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, in.Text(), err)
		}
		have[r.Title] = r
	}
	return have, nil
}

// save adds what was measured to the file of results.
func (c *contest) save(path string) error {
	if path == "" {
		return nil
	}
	b, err := json.Marshal(result{c.title(), c.Entries, c.busy})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(b, '\n')); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
