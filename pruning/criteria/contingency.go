package criteria

import (
	"math"
	"math/bits"
)

// members is which of some places belong to which number, a set of bits for each number.
type members [][]uint64

// newMembers is for numbers below n, to which none of so many places belongs yet.
func newMembers(n, places int) members {
	m := make(members, n)
	for i := range m {
		m[i] = make([]uint64, (places+63)/64)
	}
	return m
}

// membersOf is for numbers below n.
func membersOf(numbers []int, n int) members {
	m := newMembers(n, len(numbers))
	m.put(numbers)
	return m
}

func (m members) put(numbers []int) {
	for i, n := range numbers {
		m[n][i/64] |= 1 << (i % 64)
	}
}

// common is how many places two sets share.
func common(a, b []uint64) (count int) {
	b = b[:len(a)]
	for i, word := range a {
		count += bits.OnesCount64(word & b[i])
	}
	return count
}

// contingency counts how often bins and labels meet.
type contingency struct {
	bins               int
	logs               []float64 // n ln n of every count n
	ofLabels, ofValues float64   // Σ n ln n of the counts of labels, and of bins
	places             members   // of each bin
	labels, values     []int     // how many places each label has, and each bin
	left               []int     // how many of a label are in bins that were not looked at yet
}

// newContingency is for labels and what has the same counts of each.
func newContingency(labels []int, classes, bins int) *contingency {
	t := &contingency{bins: bins, logs: countLogs(len(labels)), places: newMembers(bins, len(labels))}
	t.labels, t.values, t.left = make([]int, classes), make([]int, bins), make([]int, classes)
	for _, l := range labels {
		t.labels[l]++
	}
	t.ofLabels = t.sum(t.labels)
	return t
}

// of looks at values in these bins from now on.
func (t *contingency) of(bin []int) *contingency {
	for _, p := range t.places {
		clear(p)
	}
	t.places.put(bin)
	for i, p := range t.places {
		t.values[i] = common(p, p)
	}
	t.ofValues = t.sum(t.values)
	return t
}

// information is the plug-in estimate Σ p ln(p/(p_a·p_b)), in nat: from counts, by their n ln n.
func (t *contingency) information(labels members) float64 {
	joint, last := 0.0, len(labels)-1
	copy(t.left, t.labels)
	for i, p := range t.places[:t.bins-1] {
		rest := t.values[i]
		for l, of := range labels[:last] {
			n := common(p, of)
			joint += t.logs[n]
			t.left[l], rest = t.left[l]-n, rest-n
		}
		joint += t.logs[rest]
		t.left[last] -= rest
	}
	joint += t.sum(t.left)
	// In this order one value of a alone tells nothing, to the bit.
	n := len(t.logs) - 1
	return (joint - t.ofLabels - (t.ofValues - t.logs[n])) / float64(n)
}

func (t *contingency) sum(count []int) (sum float64) {
	for _, n := range count {
		sum += t.logs[n]
	}
	return sum
}

// countLogs is n ln n of every count up to n.
func countLogs(n int) []float64 {
	t := make([]float64, n+1)
	for i := 2; i <= n; i++ {
		t[i] = float64(i) * math.Log(float64(i))
	}
	return t
}
