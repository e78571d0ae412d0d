package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// inOrder is a model of a core that issues up to two instructions a cycle in the order of the
// program. It is a model: no board has confirmed it. Which pairs issue together is from ncnn's note
// docs/developer-guide/arm-a53-a55-dual-issue.md; latencies were measured on a Cortex-A53 by
// D. Estévez (github.com/daniestevez/qsdr, qsdr-benchmarks): addition and multiplication of
// vectors 4 cycles, loads of vectors 4, with 2 cycles of issue for 128 bits, INS 2, and a load of
// 64 bits that does not issue with arithmetic.
//
// The note's rule that no vector load starts in the fourth cycle of a multiply-add is left out: it
// forbids more than three multiply-adds in four cycles, and the note's author is not sure of it.
type inOrder struct {
	// pairsWithArithmetic is whether a 64-bit vector load, or an INS, issues in the cycle of an
	// arithmetic instruction of 128 bits.
	pairsWithArithmetic bool
}

var (
	cortexA53 = inOrder{pairsWithArithmetic: false}
	cortexA55 = inOrder{pairsWithArithmetic: true}
)

// kind is what an instruction needs to issue.
type kind int

const (
	integer    kind = iota
	branch          // of which one issues a cycle
	access          // a load of integers, or a store
	loadVector      // of up to 64 bits
	loadWide        // of 128 bits or more
	insert          // INS
	arithmetic      // of vectors
)

// operation is an instruction as the model sees it. Registers are x0 to x30, v0 to v31 and flags.
type operation struct {
	kind   kind
	reads  []string
	writes map[string]int // to the cycles until it can be read
	sum    string         // the register that a multiply-add adds to
	busy   int            // cycles until the next instruction can issue
}

const (
	fmaLatency  = 8 // of the product and the sum, one after the other
	sumLatency  = 4 // from a multiply-add to the next one that adds to the same register
	loadLatency = 4
	wordLatency = 3 // of an integer load
	insLatency  = 2
	divideBusy  = 29 // the divider and the root take their time and nothing passes
)

var register = regexp.MustCompile(`\b([vqdsxw])(\d+)\b`)

// registers are those that a text names, q, d and s as v, and w as x.
func registers(text string) (list []string) {
	for _, m := range register.FindAllStringSubmatch(text, -1) {
		file := "v"
		if m[1] == "x" || m[1] == "w" {
			file = "x"
		}
		list = append(list, file+m[2])
	}
	return list
}

// decode sorts an instruction by its mnemonic, as llvm-objdump writes it.
func decode(i instruction) (operation, error) {
	op, args, _ := strings.Cut(i.text, " ")
	first, rest, _ := strings.Cut(args, ",")
	o := operation{busy: 1, reads: registers(rest), writes: map[string]int{}}
	vector := len(registers(first)) > 0 && registers(first)[0][0] == 'v'
	switch {
	case strings.HasPrefix(op, "b") && i.target != 0, strings.HasPrefix(op, "cb"), strings.HasPrefix(op, "tb"):
		o.kind, o.reads = branch, append(registers(args), "flags")
	case strings.HasPrefix(op, "ld"), strings.HasPrefix(op, "st"), op == "prfm":
		o.memory(op, args)
	case vector:
		o.vectors(op, first, args)
	case len(registers(first)) > 0 || op == "cmp" || op == "nop":
		for _, r := range registers(first) {
			o.writes[r] = 1
		}
		if strings.HasSuffix(op, "s") || op == "cmp" {
			o.writes["flags"] = 1
			o.reads = registers(args)
		}
	default:
		return o, fmt.Errorf("the in-order model does not know %q", i.text)
	}
	return o, nil
}

// vectors is an instruction that writes a vector register.
func (o *operation) vectors(op, first, args string) {
	o.kind = arithmetic
	dst, latency := registers(first)[0], sumLatency
	switch {
	case op == "fmla" || op == "fmls":
		latency, o.sum = fmaLatency, dst
	case op == "mov" && strings.Contains(first, "["):
		o.kind, latency, o.reads = insert, insLatency, registers(args)
	case op == "fdiv" || op == "fsqrt":
		o.busy, latency = divideBusy, divideBusy
	}
	o.writes[dst] = latency
}

// memory is a load or store. The address register of a pre- or post-index is ready in the next cycle.
func (o *operation) memory(op, args string) {
	data, address, _ := strings.Cut(args, "[")
	if at := strings.LastIndex(args, "["); strings.HasPrefix(op, "ld1") || strings.HasPrefix(op, "st1") {
		data, address = args[:at], args[at:] // "{ v16.s }[1], [x17]"
	}
	base := registers(address)
	o.reads, o.kind = base, access
	if len(base) > 0 && (strings.Contains(address, "!") || strings.Contains(address, "],")) {
		o.writes[base[0]] = 1
	}
	regs := registers(data)
	wide := strings.Contains(data, "q") || strings.Contains(data, ".4s") || strings.Contains(data, ".16b") || strings.Contains(data, ".2d")
	if !strings.HasPrefix(op, "ld") {
		o.reads = append(o.reads, regs...)
		if wide && len(regs) > 1 {
			o.busy = len(regs)
		}
		return
	}
	for n, r := range regs {
		o.writes[r] = wordLatency
		if r[0] == 'v' {
			o.kind, o.writes[r] = loadVector, loadLatency
		}
		if wide {
			o.kind, o.busy, o.writes[r] = loadWide, 2*len(regs), loadLatency+2*n
		}
	}
	if strings.HasPrefix(op, "ld1") && strings.Contains(data, "]") {
		o.reads = append(o.reads, regs...) // the other lanes stay
	}
}

// together says whether b may issue in the cycle of a, after it.
func (m inOrder) together(a, b operation) bool {
	memory := func(k kind) bool { return k == access || k == loadVector || k == loadWide }
	switch {
	case a.kind == branch || a.busy > 1 || memory(a.kind) && memory(b.kind):
		return false
	case a.kind == arithmetic && b.kind == arithmetic:
		return false
	case a.kind == loadWide || b.kind == loadWide:
		return a.kind == integer || b.kind == integer || b.kind == branch
	case a.kind == arithmetic && (b.kind == loadVector || b.kind == insert), b.kind == arithmetic && (a.kind == loadVector || a.kind == insert):
		return m.pairsWithArithmetic
	}
	return true
}

// cycles is those of a turn of a loop after the first turns.
func (m inOrder) cycles(loop []instruction) (float64, error) {
	var ops []operation
	for _, i := range loop {
		o, err := decode(i)
		if err != nil {
			return 0, err
		}
		ops = append(ops, o)
	}
	const warm, timed = 8, 16
	s := issue{inOrder: m, ready: map[string]int{}, sums: map[string]int{}, cycle: -1}
	s.run(slices.Repeat(ops, warm))
	start := s.cycle
	s.run(slices.Repeat(ops, timed))
	return float64(s.cycle-start) / timed, nil
}

// issue is the state of the core: the cycle of the last instruction, when every register can be
// read, and when a multiply-add can add to it.
type issue struct {
	inOrder
	cycle, free int // free is the next cycle that is not blocked
	last        operation
	full        bool // two instructions issued in this cycle
	ready, sums map[string]int
}

func (s *issue) run(ops []operation) {
	for _, o := range ops {
		at := s.cycle
		if at < 0 || s.full || !s.together(s.last, o) {
			at = max(s.cycle+1, s.free)
		}
		at = max(at, s.operands(o))
		s.full = at == s.cycle
		s.cycle, s.last, s.free = at, o, at+o.busy
		for r, latency := range o.writes {
			s.ready[r], s.sums[r] = at+latency, at+latency
		}
		if o.sum != "" {
			s.sums[o.sum] = at + sumLatency
		}
	}
}

// operands is the cycle in which everything that o reads is there.
func (s *issue) operands(o operation) (at int) {
	for _, r := range o.reads {
		at = max(at, s.ready[r])
	}
	return max(at, s.sums[o.sum])
}
