package main

import (
	"fmt"
	"slices"
)

// neonInOrder is the set for cores that issue two instructions a cycle in the order of the program,
// Cortex-A53 and A55. A multiply-add of 128 bits fills the vector pipes for its cycle and a load of
// 128 bits takes two cycles, so a vector is loaded in halves: one by LDR D, the other by LDR X,
// which issues beside a multiply-add, and INS, which issues beside the next LDR D. A vector costs
// one cycle. Source: ncnn, docs/developer-guide/arm-a53-a55-dual-issue.md; tools/mca has the model.
func neonInOrder() isa {
	return isa{name: "neon_inorder", goarch: "arm64", header: neonHeader, files: []file{
		neonGEMM(neonSchedule{isa: "NEONInOrder", cores: "in-order", rows: 10, rowsTN: 12, inOrder: true}),
		neonDepthwiseInOrder(),
	}}
}

// pairedRows is the height from which a tile has enough multiply-adds between its loads.
const pairedRows = 4

// operand is a vector of A or B that a turn of the loop over k loads. low fills its lower half or
// less and clears the rest; high, if there is one, brings the other half to the general register
// that it is given and insert from there; after moves a pointer on, once both are loaded.
type operand struct {
	low    func(v int)
	high   func(x string)
	insert func(x string, v int)
	after  func()
	first  int // the multiply-adds that use it
	last   int
	reg    int
}

// fma is a multiply-add of a turn: element lane of operand a times operand b, -1 where there is no such
// operand, added to acc.
type fma struct{ acc, a, lane, b int }

// kTurn is a turn of a loop: what is loaded and what is done, both in order. Operands are in registers from
// base on; do writes multiply-add n, whose operands are in registers a and b.
type kTurn struct {
	steps    int
	operands []operand
	fmas     []fma
	base     int
	do       func(n int, f fma, a, b int)
}

// turn is one of a product.
func (t neonTile) turn(steps int) kTurn {
	return kTurn{steps: steps, base: 2 * t.rows, do: func(_ int, f fma, a, b int) { t.macro("FMLAE4S", f.lane, a, b, f.acc) }}
}

// upperHalf inserts the upper half of a vector.
func (f arm) upperHalf(x string, v int) { f.op("VMOV %s, V%d.D[1]", x, v) }

// pairsNN is four steps of k with A by its rows: a vector of A is two steps of two rows.
func (t neonTile) pairsNN() kTurn {
	w := t.turn(4)
	pairs := (t.rows + 1) / 2
	for p := range w.steps {
		if p%2 == 0 {
			for i := range pairs {
				w.operands = append(w.operands, t.rowPair(2*i))
			}
		}
		a, b := p/2*(pairs+4), p/2*(pairs+4)+pairs+p%2*2
		for half := range 2 {
			w.operands = append(w.operands, t.panelQuad())
			for i := range t.rows {
				w.fmas = append(w.fmas, fma{2*i + half, a + i/2, i%2*2 + p%2, b + half})
			}
		}
	}
	return w
}

// rowPair is two steps of rows i and i+1, or of i alone if it is the last.
func (t neonTile) rowPair(i int) operand {
	o := operand{low: func(v int) { t.op("FMOVD.P 8(%s), F%d", t.row(i), v) }}
	if i+1 < t.rows {
		o.high = func(x string) { t.op("MOVD.P 8(%s), %s", t.row(i+1), x) }
		o.insert = t.upperHalf
	}
	return o
}

// panelQuad is the next four floats of the panel of B.
func (t neonTile) panelQuad() operand {
	return operand{
		low:    func(v int) { t.op("FMOVD.P 16(R3), F%d", v) },
		high:   func(x string) { t.op("MOVD 8(R3), %s", x) },
		insert: t.upperHalf,
	}
}

// pairsTN is two steps of k, or four of low tiles, with A by its columns: a vector of A is a step of
// four columns.
func (t neonTile) pairsTN() kTurn {
	w := t.turn(2)
	if t.rows < 8 {
		w.steps = 4
	}
	quads := (t.rows + 3) / 4
	for p := range w.steps {
		a, b := p*(quads+2), p*(quads+2)+quads
		for q := range quads {
			w.operands = append(w.operands, t.columnQuad(q, q == quads-1))
		}
		for half := range 2 {
			w.operands = append(w.operands, t.rowQuad(half))
			for i := range t.rows {
				w.fmas = append(w.fmas, fma{2*i + half, a + i/4, i % 4, b + half})
			}
		}
	}
	return w
}

// columnQuad is four columns of A, or as many as are left.
func (t neonTile) columnQuad(q int, last bool) operand {
	o := operand{low: func(v int) { t.op("FMOVD %d(R4), F%d", 16*q, v) }}
	switch t.rows - 4*q {
	case 1:
		o.low = func(v int) { t.op("FMOVS %d(R4), F%d", 16*q, v) }
	case 2:
	case 3:
		o.high = func(x string) { t.op("MOVWU %d(R4), %s", 16*q+8, x) }
		o.insert = func(x string, v int) { t.op("VMOV %s, V%d.S[2]", x, v) }
	default:
		o.high = func(x string) { t.op("MOVD %d(R4), %s", 16*q+8, x) }
		o.insert = t.upperHalf
	}
	if last {
		o.after = func() { t.op("ADD R26, R4") }
	}
	return o
}

// rowQuad is half of the eight floats of a row of B.
func (t neonTile) rowQuad(half int) operand {
	o := operand{
		low:    func(v int) { t.op("FMOVD %d(R3), F%d", 16*half, v) },
		high:   func(x string) { t.op("MOVD %d(R3), %s", 16*half+8, x) },
		insert: t.upperHalf,
	}
	if half == 1 {
		o.after = func() { t.op("ADD R15, R3") }
	}
	return o
}

// paired is the loop over k: a first turn's loads, turns that load for the next one, a last turn
// that does not, and what is left step by step.
func (t neonTile) paired(w kTurn, single func()) {
	s, ok := newPairs(t.arm, w)
	if !ok {
		panic(fmt.Sprintf("%s has too few registers", t.name))
	}
	t.op("SUBS $%d, R16", w.steps)
	t.op("BLT rest")
	s.prologue()
	t.op("SUBS $%d, R16", w.steps)
	t.op("BLT last")
	t.label("many")
	s.write(false)
	t.op("BGE many")
	t.label("last")
	s.write(true)
	t.label("rest")
	t.op("ADDS $%d, R16", w.steps)
	t.op("BEQ end")
	t.label("one")
	single()
	t.op("SUBS $1, R16")
	t.op("BNE one")
	t.label("end")
}

// singleNN is one step: a value of A at a time, in two registers by turns.
func (t neonTile) singleNN() {
	b := 2 * t.rows
	t.op("FLDPQ.P 32(R3), (F%d, F%d)", b, b+1)
	for i := range t.rows {
		a := b + 2 + i%2
		t.op("FMOVS.P 4(%s), F%d", t.row(i), a)
		t.macro("FMLAE4S", 0, a, b, 2*i)
		t.macro("FMLAE4S", 0, a, b+1, 2*i+1)
	}
}

// singleTN is the same with A by its columns.
func (t neonTile) singleTN() {
	b := 2 * t.rows
	t.op("FLDPQ (R3), (F%d, F%d)", b, b+1)
	for i := range t.rows {
		a := b + 2 + i%2
		t.op("FMOVS %d(R4), F%d", 4*i, a)
		t.macro("FMLAE4S", 0, a, b, 2*i)
		t.macro("FMLAE4S", 0, a, b+1, 2*i+1)
	}
	t.op("ADD R15, R3")
	t.op("ADD R26, R4")
}

// pairs is a turn with its loads spread between the multiply-adds. There is a slot for each load,
// evenly apart; operand j, in the order of first use, is loaded in slot j-lead, which for the
// first ones is in the turn before, and is complete in the slot after that.
type pairs struct {
	arm
	kTurn
	order []int // the operands by first use
	slots []int // before which multiply-add a slot is
	lead  int
}

// newPairs also says whether the registers are enough.
func newPairs(f arm, w kTurn) (s pairs, ok bool) {
	s = pairs{arm: f, kTurn: w}
	for i := range s.operands {
		s.operands[i].first = len(w.fmas)
		s.order = append(s.order, i)
	}
	for n, f := range w.fmas {
		for _, i := range []int{f.a, f.b} {
			if i < 0 {
				continue
			}
			o := &s.operands[i]
			o.first, o.last = min(o.first, n), n
		}
	}
	slices.SortStableFunc(s.order, func(a, b int) int { return s.operands[a].first - s.operands[b].first })
	for n := range s.order {
		s.slots = append(s.slots, (2*n+1)*len(w.fmas)/(2*len(s.order)))
	}
	for !s.inTime() {
		s.lead++
	}
	return s, s.assign()
}

// insertCycles is what must lie between the slot that completes a vector and its use.
const insertCycles = 3

// at is the place of a slot, which may be in another turn, among the multiply-adds.
func (s *pairs) at(slot int) int {
	n := len(s.slots)
	turns := (slot+n*n)/n - n
	return s.slots[slot-turns*n] + turns*len(s.fmas)
}

// inTime says whether lead is enough for every operand.
func (s *pairs) inTime() bool {
	for j, i := range s.order {
		if s.at(j-s.lead+1)+insertCycles > s.operands[i].first {
			return false
		}
	}
	return true
}

// assign gives every operand a register behind the sums: one that is free, turn after turn, from
// its load to its last use. It reports whether there are enough.
func (s *pairs) assign() bool {
	type life struct{ from, to int }
	lives := make([][]life, 32)
	cycle := len(s.fmas)
	free := func(reg int, l life) bool {
		return !slices.ContainsFunc(lives[reg], func(o life) bool {
			for turn := -3; turn <= 3; turn++ {
				if l.from <= o.to+turn*cycle && o.from+turn*cycle <= l.to {
					return true
				}
			}
			return false
		})
	}
	for j, i := range s.order {
		l := life{s.at(j - s.lead), s.operands[i].last}
		reg := s.base
		for l.to-l.from < cycle && reg < 32 && !free(reg, l) {
			reg++
		}
		if l.to-l.from >= cycle || reg == 32 {
			return false
		}
		lives[reg], s.operands[i].reg = append(lives[reg], l), reg
	}
	return true
}

// load is the operand of a slot; next is whether it is of the next turn.
func (s *pairs) load(slot int) (o *operand, next bool) {
	n := len(s.order)
	return &s.operands[s.order[(slot+s.lead)%n]], slot+s.lead >= n
}

// temp is the general register of a slot: those of two slots in a row differ, around the loop too.
func (s *pairs) temp(slot int) string {
	if n := len(s.slots); n%2 == 1 && slot == n-1 {
		return "R22"
	}
	return []string{"R20", "R21"}[slot%2]
}

// prologue loads what the turn before would have: all but the last are complete.
func (s *pairs) prologue() {
	n := len(s.slots)
	for slot := n - s.lead; slot < n; slot++ {
		o, _ := s.load(slot)
		s.high(slot, o)
		s.low(o)
		if slot < n-1 {
			s.insert(slot, o)
		}
	}
}

func (s *pairs) high(slot int, o *operand) {
	if o.high != nil {
		o.high(s.temp(slot))
	}
}

func (s *pairs) low(o *operand) { o.low(o.reg) }

func (s *pairs) insert(slot int, o *operand) {
	if o.insert != nil {
		o.insert(s.temp(slot), o.reg)
	}
	if o.after != nil {
		o.after()
	}
}

// write is a turn: the multiply-adds with the slots between them. The last one loads nothing for a
// next one. LDR X of a slot stands behind the first multiply-add after the slot before.
func (s *pairs) write(last bool) {
	slot, high := 0, 0
	highs := func(upTo int) {
		for ; high <= upTo && high < len(s.slots); high++ {
			if o, next := s.load(high); !next || !last {
				s.high(high, o)
			}
		}
	}
	for n, f := range s.fmas {
		for slot < len(s.slots) && s.slots[slot] == n {
			highs(slot)
			s.slot(slot, last)
			slot++
		}
		s.do(n, f, s.reg(f.a), s.reg(f.b))
		highs(slot)
		if n == len(s.fmas)/2 && !last {
			s.op("SUBS $%d, R16", s.steps)
		}
	}
}

// reg is where an operand is, -1 where there is none.
func (s *pairs) reg(operand int) int {
	if operand < 0 {
		return -1
	}
	return s.operands[operand].reg
}

// slot loads the lower half of an operand and completes the one before.
func (s *pairs) slot(slot int, last bool) {
	o, next := s.load(slot)
	if !next || !last {
		s.low(o)
	}
	before := slot - 1
	if slot == 0 {
		before = len(s.slots) - 1
	}
	if p, next := s.load(before); slot == 0 || !next || !last {
		s.insert(before, p)
	}
}
