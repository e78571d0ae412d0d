// Command peers measures Secateur beside PyTorch, onnxruntime and OpenBLAS: every contestant is a
// process of its own that stays alive, and they repeat the same work in turns. It prints medians
// and ratios and writes kernels/BENCH.md. A peer that is not installed is named and left out.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		exit(serveArg(os.Args[2]))
	}
	python := flag.String("python", "python3,/usr/bin/python3", "interpreters that may have the peers, separated by commas")
	out := flag.String("o", "kernels/BENCH.md", "the file to write")
	only := flag.String("only", "", "measure only what has this in its name, as in \"resnet18, batch 8, 1\"; no page is written")
	results := flag.String("results", "", "a file of results: what it holds is not measured again, what is measured goes there")
	rounds := flag.Int("rounds", 7, "turns of each contestant")
	flag.Parse()
	exit(run(strings.Split(*python, ","), *out, *only, *results, *rounds))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers: error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serveArg(arg string) error {
	var s Spec
	if err := json.Unmarshal([]byte(arg), &s); err != nil {
		return err
	}
	return serve(s, os.Stdin, os.Stdout)
}

// script is the peers' side.
const script = "tools/peers/peer.py"

func run(pythons []string, out, only, results string, rounds int) error {
	if rounds < 1 {
		return fmt.Errorf("--rounds %d: want at least 1", rounds)
	}
	found, err := probe(pythons)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "peers-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	have, err := readResults(results)
	if err != nil {
		return err
	}
	var done []*contest
	for _, c := range contests(found, dir) {
		if r, ok := have[c.title()]; ok {
			c.Entries, c.busy = r.Entries, r.Busy
		} else {
			if !strings.Contains(c.title(), only) {
				continue
			}
			if err := c.hold(rounds); err != nil {
				return err
			}
			if err := c.save(results); err != nil {
				return err
			}
			fmt.Println(c.line())
		}
		done = append(done, c)
	}
	if only != "" {
		return nil
	}
	return write(out, found, done)
}

// peer is an installed peer: what, which, and by which interpreter.
type peer struct{ kind, version, python string }

func (p peer) String() string { return name[p.kind] + " " + p.version }

var name = map[string]string{"secateur": "Secateur", "torch": "PyTorch", "onnxruntime": "onnxruntime", "openblas": "OpenBLAS"}

// probe asks every interpreter what it has; the same version counts once.
func probe(pythons []string) ([]peer, error) {
	var found []peer
	have := map[string]bool{}
	for _, python := range pythons {
		b, err := exec.Command(python, script, `{"peer": "probe"}`).Output()
		if err != nil {
			fmt.Fprintf(os.Stderr, "peers: %s: %v: left out\n", python, err)
			continue
		}
		var versions map[string]string
		if err := json.Unmarshal(b, &versions); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", python, b, err)
		}
		for kind, v := range versions {
			if p := (peer{kind, v, python}); !have[p.String()] {
				found, have[p.String()] = append(found, p), true
			}
		}
	}
	for _, n := range absent(found) {
		fmt.Fprintf(os.Stderr, "peers: %s is not installed for %s: left out\n", n, strings.Join(pythons, ", "))
	}
	return found, nil
}

// absent is the peers that no interpreter has, in the order of their names.
func absent(found []peer) (names []string) {
	for kind, n := range name {
		if kind != "secateur" && !slices.ContainsFunc(found, func(p peer) bool { return p.kind == kind }) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// modelFile is where the ONNX file of a network is put.
func modelFile(dir, net string) string { return filepath.Join(dir, net+".onnx") }
