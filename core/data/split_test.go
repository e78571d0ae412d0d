package data

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
)

// samples is n samples a class.
func samples(n ...int) []Sample {
	var out []Sample
	for c, k := range n {
		for i := range k {
			name := fmt.Sprintf("%d/%d.png", c, i)
			out = append(out, Sample{Name: name, Path: name, Class: c})
		}
	}
	return out
}

func TestShots(t *testing.T) {
	all := samples(30, 3, 20)
	five := Shots(all, 3, 5, 1)
	same(t, "count", Count(five, 3), []int{5, 3, 5})
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	same(t, "any order", Shots(backwards, 3, 5, 1), five)
	same(t, "six hold five", Shots(all, 3, 6, 1)[:5], five[:5])
	if reflect.DeepEqual(Shots(all, 3, 5, 2)[:5], five[:5]) {
		t.Error("seeds 1 and 2 choose the same")
	}
	same(t, "none", len(Shots(all, 3, 0, 1)), 0)
}

func TestHoldOutIsBalanced(t *testing.T) {
	s := &Splits{Classes: make([]string, 4), Train: samples(100, 40, 3, 1)}
	s.HoldOut(0.2, 7)
	same(t, "val", Count(s.Val, 4), []int{20, 8, 1, 0})
	same(t, "train", Count(s.Train, 4), []int{80, 32, 2, 1})
	again := &Splits{Classes: make([]string, 4), Train: samples(100, 40, 3, 1)}
	slices.Reverse(again.Train)
	again.HoldOut(0.2, 7)
	inVal := map[string]bool{}
	for _, x := range s.Val {
		inVal[x.Name] = true
	}
	for _, x := range again.Val {
		if !inVal[x.Name] {
			t.Errorf("%s is held out only when listed backwards", x.Name)
		}
	}
	other := &Splits{Classes: make([]string, 4), Train: samples(100, 40, 3, 1)}
	other.HoldOut(0.2, 8)
	if reflect.DeepEqual(other.Val, s.Val) {
		t.Error("seeds 7 and 8 hold out the same")
	}
}

func TestHoldOutKeepsGroupsTogether(t *testing.T) {
	s := &Splits{Classes: make([]string, 2), Train: samples(60, 60)}
	for i := range s.Train {
		switch x := &s.Train[i]; {
		case i%60 < 30:
			x.Group = fmt.Sprint(i / 4) // some groups hold both classes
		default:
			x.Content = uint64(1 + i/2) // pairs of copies
		}
	}
	s.HoldOut(0.25, 3)
	side := map[string]bool{}
	for _, x := range s.Train {
		side[groupKey(x)] = true
	}
	for _, x := range s.Val {
		if side[groupKey(x)] {
			t.Errorf("%s is on both sides", groupKey(x))
		}
	}
	for c, n := range Count(s.Val, 2) {
		if math.Abs(float64(n)-15) > 3 {
			t.Errorf("class %d has %d held out, want about 15", c, n)
		}
	}
}

func TestHoldOutOfNothing(t *testing.T) {
	s := &Splits{Classes: make([]string, 1), Train: samples(10)}
	s.HoldOut(0, 1)
	same(t, "train", len(s.Train), 10)
}
