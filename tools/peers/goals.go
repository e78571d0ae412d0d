package main

import (
	"fmt"
	"math"
	"strings"
)

// goal is a line of what was wanted beside what came out.
type goal struct {
	match   string // what the contest's name begins with
	threads int
	what    string
	most    float64 // times that of the peer
	peer    string
	value   func(*contest) float64
}

var goals = []goal{
	{"step resnet18", 1, "training step ResNet-18, batch 8, one thread", 0.60, "PyTorch", (*contest).ratio},
	{"step resnet18", 2, "the same, two threads", 0.60, "PyTorch", (*contest).ratio},
	{"step mobilenetv2", 1, "training step MobileNet v2, batch 8, one thread", 0.45, "PyTorch", (*contest).ratio},
	{"step mobilenetv2", 2, "the same, two threads", 0.45, "PyTorch", (*contest).ratio},
	{"step resnet18", 1, "peak memory of the ResNet-18 step, one thread", 0.30, "PyTorch", (*contest).memory},
	{"step resnet18", 2, "the same, two threads", 0.30, "PyTorch", (*contest).memory},
	{"step mobilenetv2", 1, "peak memory of the MobileNet v2 step, one thread", 0.30, "PyTorch", (*contest).memory},
	{"step mobilenetv2", 2, "the same, two threads", 0.30, "PyTorch", (*contest).memory},
	{"infer mobilenetv2,", 1, "inference MobileNet v2, one thread", 1, "onnxruntime", (*contest).ratio},
	{"infer mobilenetv2,", 2, "the same, two threads", 1, "onnxruntime", (*contest).ratio},
	{"infer mobilenetv2 with a detection head", 1, "inference MobileNet v2 with a detection head at 320, one thread", 1.10, "onnxruntime", (*contest).ratio},
	{"infer mobilenetv2 with a detection head", 2, "the same, two threads", 1.10, "onnxruntime", (*contest).ratio},
	{"infer resnet18", 1, "inference ResNet-18, one thread", 1, "onnxruntime", (*contest).ratio},
	{"infer resnet18", 2, "the same, two threads", 1, "onnxruntime", (*contest).ratio},
	{"infer squeezenet", 1, "inference SqueezeNet 1.1, one thread", 1, "onnxruntime", (*contest).ratio},
	{"infer squeezenet", 2, "the same, two threads", 1, "onnxruntime", (*contest).ratio},
	{"square 1024, forward", 1, "time of the product 1024³, one thread", 1, "OpenBLAS", (*contest).ratio},
}

// reached writes a line for each goal whose contest was held.
func reached(b *strings.Builder, done []*contest) {
	for _, g := range goals {
		for _, c := range done {
			if strings.HasPrefix(c.name, g.match) && c.spec.Threads == g.threads {
				v := g.value(c)
				fmt.Fprintf(b, "| %s | ≤ %.2f × %s | %s | %s |\n", g.what, g.most, g.peer, number(v), judged(v, v <= g.most))
			}
		}
	}
	for _, c := range done {
		if c.scales {
			v := c.scaling()
			fmt.Fprintf(b, "| %s | ≥ 1.85 | %s | %s |\n", c.name, number(v), judged(v, v >= 1.85))
		}
	}
}

// judged is the verdict on a ratio, nothing where no peer was there.
func judged(v float64, met bool) string {
	if math.IsNaN(v) {
		return ""
	}
	return verdict(met)
}

func verdict(met bool) string {
	if met {
		return "reached"
	}
	return "**missed**"
}

func number(v float64) string {
	if math.IsNaN(v) {
		return "no peer"
	}
	return fmt.Sprintf("%.3f", v)
}
