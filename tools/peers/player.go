package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Spec says what a contestant is to do. peer.py reads the same.
type Spec struct {
	Peer     string `json:"peer"` // secateur, torch, onnxruntime, openblas
	Work     string `json:"work"` // step, infer, gemm
	Net      string `json:"net,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	Layout   string `json:"layout,omitempty"` // NHWC or NCHW, of PyTorch
	File     string `json:"file,omitempty"`   // ONNX, of onnxruntime
	Threads  int    `json:"threads"`
	Shape    [3]int `json:"shape"`    // pixels, filters, inner
	Gradient bool   `json:"gradient"` // of the weight
	Inner    int    `json:"inner"`    // products in a repetition
}

// answer is a line from a contestant: its version when it is ready, then times.
type answer struct {
	Version string    `json:"version,omitempty"`
	Ms      []float64 `json:"ms,omitempty"`
	RSS     int64     `json:"rss,omitempty"`
}

// player is a contestant in a process of its own that stays alive between its turns.
type player struct {
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	turns [][]float64 // ms
	rss   int64
}

// start runs a program that answers to a spec, and waits until it is ready.
func start(name string, s Spec, program ...string) (*player, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	p := &player{name: name, cmd: exec.Command(program[0], append(program[1:], string(b))...)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err = p.read(); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *player) read() (a answer, err error) {
	if !p.out.Scan() {
		return a, fmt.Errorf("%s: ended without an answer: %v", p.name, p.out.Err())
	}
	if err := json.Unmarshal(p.out.Bytes(), &a); err != nil {
		return a, fmt.Errorf("%s: %q: %w", p.name, p.out.Text(), err)
	}
	return a, nil
}

// settle is the pause before a turn: threads of the contestant before wait awake for a while.
const settle = 20 * time.Millisecond

// turn lets it repeat its work, after as many repetitions that are not counted.
func (p *player) turn(warm, n int) error {
	time.Sleep(settle)
	if _, err := fmt.Fprintln(p.in, warm+n); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	a, err := p.read()
	if err != nil {
		return err
	}
	p.turns, p.rss = append(p.turns, a.Ms[warm:]), a.RSS
	return nil
}

func (p *player) stop() {
	p.in.Close()
	p.cmd.Wait()
}
