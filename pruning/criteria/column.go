package criteria

import (
	"fmt"
	"math"
	"slices"

	"github.com/secateur/secateur/pruning/groups"
)

// sample is the pooled means of one group for statistics over images: x[i] is unit i over the N images,
// taken at the group's last gate, which on a residual stream holds the sum of all that came before.
type sample struct {
	x       [][]float64 // F×N
	label   []int       // N, from 0 to classes-1, only classes that occur
	classes int
	count   []int // images of each class

	order        [][]int // F×N, the images by ascending x
	scattered    *scatter
	joint        []float64    // F×F, of pairs
	spreads      [][2]float64 // F, of spread
	own          []float64    // F, of relevance
	nhsic, renyi []float64    // of kernels
}

// sample is that of the group's matrices, made once for all criteria.
func (m *Matrices) sample(g *groups.Group) (*sample, error) {
	if m.sampled == nil {
		s, err := newSample(m, g)
		if err != nil {
			return nil, err
		}
		m.sampled = s
	}
	return m.sampled, nil
}

// newSample reads P. It refuses sets on which no class has two images: within such classes nothing varies, and
// a statistic between them would say nothing.
func newSample(m *Matrices, g *groups.Group) (*sample, error) {
	s := &sample{x: m.columns(len(g.Units))}
	if len(m.Labels) != m.N {
		return nil, fmt.Errorf("%d labels for %d images", len(m.Labels), m.N)
	}
	if s.number(m.PoolLabels()); s.classes < 2 || slices.Max(s.count) < 2 {
		return nil, fmt.Errorf("%d images of %d classes: it compares classes, and wants two of them and more than one image of a class", m.N, s.classes)
	}
	return s, nil
}

// number gives the classes that occur numbers, and counts their rows.
func (s *sample) number(labels []int) {
	number := map[int]int{}
	for _, l := range labels {
		if _, ok := number[l]; !ok {
			number[l] = len(number)
			s.count = append(s.count, 0)
		}
		s.label = append(s.label, number[l])
		s.count[number[l]]++
	}
	s.classes = len(number)
}

// columns are the means of P at the last gate, unit by unit, F×N, made once.
func (m *Matrices) columns(f int) [][]float64 {
	if m.means != nil {
		return m.means
	}
	rows, gate := m.poolRows(), &m.Gates[len(m.Gates)-1]
	all, x := make([]float64, f*rows), make([][]float64, f)
	for i := range x {
		x[i] = all[i*rows : (i+1)*rows : (i+1)*rows]
	}
	const near = 16 // units that are read from the same lines of memory
	for lo := 0; lo < f; lo += near {
		for n := range rows {
			for i, v := range gate.poolRow(n, poolMean, f)[lo:min(lo+near, f)] {
				x[lo+i][n] = float64(v)
			}
		}
	}
	m.means = x
	return x
}

// orders are the images by ascending x, unit by unit, made once.
func (s *sample) orders() [][]int {
	if s.order == nil {
		n := len(s.label)
		s.order = make([][]int, len(s.x))
		all, keys, room := make([]int, len(s.x)*n), make([]uint64, n), make([]uint64, n)
		for i, x := range s.x {
			s.order[i] = all[i*n : (i+1)*n : (i+1)*n]
			ascending(s.order[i], x, keys, room)
		}
	}
	return s.order
}

// ascending is the places of x by ascending value, those of equal values in their order. x holds single precision, as P
// does: value and place go into one number that sorts alike.
//
//	order, x, keys, room  N, the last two to work in
func ascending(order []int, x []float64, keys, room []uint64) {
	for i, v := range x {
		bits := math.Float32bits(float32(v) + 0) // -0 is 0
		if bits>>31 == 1 {
			bits = ^bits
		} else {
			bits |= 1 << 31
		}
		keys[i] = uint64(bits)<<32 | uint64(i)
	}
	for at, k := range byUpperHalf(keys, room) {
		order[at] = int(uint32(k))
	}
}

// byUpperHalf sorts by the upper 32 bits, equal ones as they stand: a byte after the other, from the lowest, leaving out those
// in which all are equal. The result lies in one of both.
func byUpperHalf(keys, room []uint64) []uint64 {
	var counts [4][256]int32
	for _, k := range keys {
		counts[0][byte(k>>32)]++
		counts[1][byte(k>>40)]++
		counts[2][byte(k>>48)]++
		counts[3][byte(k>>56)]++
	}
	for digit := range counts {
		count, shift := &counts[digit], 32+8*digit
		if count[byte(keys[0]>>shift)] == int32(len(keys)) {
			continue
		}
		at := int32(0)
		for d, n := range count {
			count[d] = at
			at += n
		}
		for _, k := range keys {
			place := &count[byte(k>>shift)]
			room[*place] = k
			*place++
		}
		keys, room = room, keys
	}
	return keys
}

// each scores unit by unit; what is not a number stays none.
func (s *sample) each(score func(i int) float64) []float64 {
	out := make([]float64, len(s.x))
	for i, x := range s.x {
		if out[i] = mean(x); finite(out[i]) {
			out[i] = score(i)
		}
	}
	return out
}

// means are the means of x in each class, and of all.
func (s *sample) means(x []float64) (class []float64, all float64) {
	class = make([]float64, s.classes)
	for n, v := range x {
		class[s.label[n]] += v
		all += v
	}
	for c := range class {
		class[c] /= float64(s.count[c])
	}
	return class, all / float64(len(x))
}

// spread is Σ (x-x̄)² of unit i, in total and within classes, made once.
func (s *sample) spread(i int) (total, within float64) {
	if s.spreads == nil {
		for _, x := range s.x {
			s.spreads = append(s.spreads, s.spreadOf(x))
		}
	}
	return s.spreads[i][0], s.spreads[i][1]
}

func (s *sample) spreadOf(x []float64) (v [2]float64) {
	class, all := s.means(x)
	for n, value := range x {
		total, within := value-all, value-class[s.label[n]]
		v[0] += total * total
		v[1] += within * within
	}
	return v
}

// mean is that of v.
func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// variance is the mean squared distance from the mean.
func variance(v []float64) float64 {
	m, sum := mean(v), 0.0
	for _, x := range v {
		sum += (x - m) * (x - m)
	}
	return sum / float64(len(v))
}
