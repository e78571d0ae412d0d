package main

import (
	"strings"
	"testing"
)

// TestInOrder counts the cycles of loops that can be counted by hand.
func TestInOrder(t *testing.T) {
	fmla := func(n int) (loop string) {
		for i := range n {
			loop += strings.ReplaceAll("fmla v#.4s, v30.4s, v31.s[0]; ", "#", string("0123456789"[i]))
		}
		return loop
	}
	for _, c := range []struct {
		about    string
		loop     string
		a53, a55 float64
	}{
		{"a multiply-add a cycle", fmla(8), 8, 8},
		{"one chain of sums", "fmla v0.4s, v30.4s, v31.4s", 4, 4},
		{"one chain of products", "fmul v0.4s, v0.4s, v31.4s", 4, 4},
		{"a 128-bit load takes two cycles", fmla(8) + "ldr q29, [x0]", 10, 10},
		{"a pair of them four", fmla(8) + "ldp q28, q29, [x0], #32", 12, 12},
		{"a 64-bit load one, or none", fmla(4) + "ldr d29, [x0]; " + fmla(8)[len(fmla(4)):], 9, 8},
		{"a 64-bit load and an insertion", fmla(4) + "ldr d29, [x0]; mov v28.d[1], x5; " + fmla(8)[len(fmla(4)):], 9, 8},
		{"an integer load is free", "fmla v0.4s, v30.4s, v31.4s; ldr x5, [x0], #8; " + fmla(8)[len(fmla(1)):], 8, 8},
		{"so is the end of a loop", fmla(8) + "subs x1, x1, #1; fmla v8.4s, v30.4s, v31.4s; b.ne loop", 9, 9},
		{"a load waits for nobody, its reader does", "ldr q0, [x0]; fadd v1.4s, v0.4s, v0.4s", 5, 5},
		{"a store waits for what was added and goes with the next addition", "fadd v1.4s, v0.4s, v0.4s; str q1, [x0]", 4, 4},
		{"integers by two", "add x0, x0, #1; add x1, x1, #1; add x2, x2, #1; add x3, x3, #1", 2, 2},
		{"but not one by the other", "add x0, x1, #1; add x1, x0, #1", 2, 2},
	} {
		var loop []instruction
		for line := range strings.SplitSeq(c.loop, "; ") {
			if line != "" {
				i := instruction{text: strings.TrimSpace(line)}
				if strings.HasPrefix(i.text, "b.") {
					i.target = 1
				}
				loop = append(loop, i)
			}
		}
		for _, m := range []struct {
			name  string
			model inOrder
			want  float64
		}{{"cortex-a53", cortexA53, c.a53}, {"cortex-a55", cortexA55, c.a55}} {
			if got, err := m.model.cycles(loop); err != nil || got != m.want {
				t.Errorf("%s on %s: %v cycles, error %v, want %v", c.about, m.name, got, err, m.want)
			}
		}
	}
	if _, err := cortexA53.cycles([]instruction{{text: "svc #0"}}); err == nil {
		t.Error("the model takes an instruction that it does not know")
	}
}
