package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/kernels"
	"github.com/spf13/cobra"
)

// newEnv is what loops run on, by --threads and SECATEUR_KERNELS.
func newEnv(c *cobra.Command) (graph.Env, error) {
	threads, err := c.Flags().GetInt("threads")
	if err != nil {
		return graph.Env{}, err
	}
	if threads < 0 || threads > 1024 {
		return graph.Env{}, usagef("--threads %d: want 0 (all) to 1024", threads)
	}
	set, err := kernels.Default()
	if err != nil {
		return graph.Env{}, usageError{err}
	}
	return graph.Env{Kernels: set, Pool: kernels.NewPool(threads)}, nil
}

func isJSON(c *cobra.Command) bool { b, _ := c.Flags().GetBool("json"); return b }

// printJSON writes one object on one line.
func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// loadModel reads a model file of ours or an ONNX file, told apart by their first bytes.
func loadModel(path string) (*graph.Graph, error) {
	ours, err := beginsWith(path, "secateur")
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	var g *graph.Graph
	if ours {
		g, err = checkpoint.LoadModel(path)
	} else {
		g, err = onnx.Import(path, onnx.Options{})
	}
	if err != nil {
		return nil, err
	}
	return g, checkFinite(path, g)
}

// checkFinite refuses parameters and statistics that are not numbers: no result of such a model
// would be one.
func checkFinite(path string, g *graph.Graph) error {
	for _, n := range g.Nodes {
		if !n.Is(graph.Param) && !n.Is(graph.State) {
			continue
		}
		for i, v := range n.Value {
			if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("%s: %s holds %v at position %d of %d: the model is damaged", path, n.Name, v, i, len(n.Value))
			}
		}
	}
	return nil
}

func beginsWith(path, magic string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return false, fmt.Errorf("%s is a folder, want a file", path)
	}
	head := make([]byte, len(magic))
	n, err := io.ReadFull(f, head)
	if err == io.EOF {
		return false, fmt.Errorf("%s is empty", path)
	}
	return bytes.Equal(head[:n], []byte(magic)), nil
}

// readLabels reads one class name a line.
func readLabels(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var labels []string
	for _, l := range strings.Split(strings.TrimRight(string(b), "\r\n"), "\n") {
		labels = append(labels, strings.TrimSpace(l))
	}
	return labels, nil
}

// checkWritable refuses an output path before hours of work go into it.
func checkWritable(path string) error {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return usagef("%s is a folder, want the name of a file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".secateur-*")
	if err != nil {
		var cause syscall.Errno
		if errors.As(err, &cause) {
			err = cause
		}
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// count is a number with a letter behind it, as in 3.5 M.
func count(n int64) string {
	switch {
	case n >= 1_000_000_000:
		return fmt.Sprintf("%.2f G", float64(n)/1e9)
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%.1f k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
