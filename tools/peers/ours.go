package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/zoo"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/tools/bench"
)

// serve is our side of a contest, in a process of its own like the peers': it answers each number
// of repetitions on r by their times.
func serve(spec Spec, r io.Reader, w io.Writer) error {
	work, err := prepare(spec)
	if err != nil {
		return err
	}
	work.Run()
	out := json.NewEncoder(w)
	if err := out.Encode(answer{Version: kernels.Best().Name}); err != nil {
		return err
	}
	for in := bufio.NewScanner(r); in.Scan(); {
		var n int
		if _, err := fmt.Sscan(in.Text(), &n); err != nil {
			return err
		}
		a := answer{}
		for range n {
			a.Ms = append(a.Ms, float64(work.Time())/float64(time.Millisecond))
		}
		a.RSS = eval.PeakRSS()
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the work of a contest.
func prepare(s Spec) (bench.Work, error) {
	set, err := kernels.Default()
	if err != nil {
		return bench.Work{}, err
	}
	env := graph.Env{Kernels: set, Pool: kernels.NewPool(s.Threads)}
	if s.Work == "gemm" {
		return repeat(product(env, s), s.Inner), nil
	}
	g, err := network(s.Net, s.Batch)
	if err != nil {
		return bench.Work{}, err
	}
	compile := bench.Infer
	if s.Work == "step" {
		compile = bench.Step
	}
	m, err := compile(env, g, s.Batch, 0)
	if err != nil {
		return bench.Work{}, err
	}
	return m.Work, nil
}

// detector is the name of MobileNet v2 with a detection head for pictures of 320×320.
const detector = "mobilenetv2-detector"

// network is one of the zoo's for 1000 classes, or the detector of 20.
func network(name string, batch int) (*graph.Graph, error) {
	if name != detector {
		return zoo.Network(name, batch, 1000, 1)
	}
	g, err := zoo.Network("mobilenetv2", batch, 1000, 1)
	if err != nil {
		return nil, err
	}
	if g, _, err = g.WithSize(320, 320); err != nil {
		return nil, err
	}
	return detect.DefaultHead(1).AddHead(g, make([]string, 20))
}

func product(e graph.Env, s Spec) bench.Work {
	shape := bench.Shape{Pixels: s.Shape[0], Filters: s.Shape[1], Inner: s.Shape[2]}
	if s.Gradient {
		return bench.WeightGradient(e, shape)
	}
	return bench.Gemm(e, shape, true)
}

// repeat is n times the work.
func repeat(w bench.Work, n int) bench.Work {
	return bench.Work{Name: w.Name, Flops: w.Flops * float64(n), Run: func() {
		for range n {
			w.Run()
		}
	}}
}
