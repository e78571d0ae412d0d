package score

import (
	"math"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning/groups"
)

// A cell of a map is strong where it is among the highest of its channel over all pictures and cells, and above 0: this
// share of them (Bau et al., CVPR 2017, 1704.05796), or the larger one with fewer pictures than manyRegions.
const (
	strongShare = 0.005
	strongFew   = 0.02
	manyRegions = 200
)

// overlaps are, by gate, the intersection over union of each channel's strong cells with the defects of the pictures and
// with the rest of them, 2×C. Pictures without a region say nothing and are left out; maps are taken at
// their own resolution, at most 14×14, and defects by the share of each cell that they cover.
func (s *Scorer) overlaps(st *groups.Structure) (map[string][]float32, []data.Skip, error) {
	all, skipped, err := data.InputRegions(s.Samples, eval.Preprocess(st.Graph))
	if err != nil {
		return nil, skipped, err
	}
	o := &overlapper{}
	var samples []data.Sample
	for i, r := range all {
		if r != nil {
			o.regions, samples = append(o.regions, r), append(samples, s.Samples[i])
		}
	}
	batch := min(scoreBatch, len(samples))
	g, _, err := st.Graph.WithBatch(batch)
	if err != nil {
		return nil, skipped, err
	}
	var keep []string
	for _, name := range GateNames(st) {
		a := smallMap(g, g.Node(name))
		o.gates = append(o.gates, newOverlap(name, a.Name, a.Shape, len(samples)))
		keep = append(keep, a.Name)
	}
	g.Outputs = nil
	if o.plan, err = plan.Compile(g, plan.Options{Env: s.Env, Keep: keep}); err != nil {
		return nil, skipped, err
	}
	o.plan.Hook = s.Ctx.Err
	if err := eval.EachBatch(o.plan, st.Graph, samples, batch, s.Classes, nil, o.add); err != nil {
		return nil, skipped, err
	}
	out := map[string][]float32{}
	for _, gate := range o.gates {
		out[gate.name] = gate.unions(o.regions)
	}
	return out, skipped, nil
}

// overlapper collects strong cells.
type overlapper struct {
	plan    *plan.Plan
	regions []data.Region
	gates   []*overlap
	done    int // pictures
}

func (o *overlapper) add(n int) error {
	for _, gate := range o.gates {
		v := o.plan.Data(gate.source)
		for i := range n * gate.rows * gate.cols {
			for c := range gate.top {
				gate.top[c].add(v[i*len(gate.top)+c], int32(o.done*gate.rows*gate.cols+i))
			}
		}
	}
	o.done += n
	return nil
}

// overlap is the strong cells of one gate, cells being numbered picture by picture.
type overlap struct {
	name, source string
	rows, cols   int
	top          []highest // by channel
}

func newOverlap(name, source string, shape []int, pictures int) *overlap {
	o := &overlap{name: name, source: source, rows: 1, cols: 1, top: make([]highest, shape[len(shape)-1])}
	if len(shape) == 4 {
		o.rows, o.cols = shape[1], shape[2]
	}
	share := strongFew
	if pictures >= manyRegions {
		share = strongShare
	}
	for c := range o.top {
		o.top[c].most = int(math.Ceil(share * float64(pictures*o.rows*o.cols)))
	}
	return o
}

// unions are the intersections over unions, 2×C.
func (o *overlap) unions(regions []data.Region) []float32 {
	var cover []float32
	for _, r := range regions {
		cover = append(cover, r.Grid(o.rows, o.cols)...)
	}
	defects := 0.0
	for _, v := range cover {
		defects += float64(v)
	}
	out := make([]float32, 2*len(o.top))
	for c, top := range o.top {
		on, strong := 0.0, float64(len(top.at))
		for _, i := range top.at {
			on += float64(cover[i])
		}
		out[c] = ratio(on, strong+defects-on)
		out[len(o.top)+c] = ratio(strong-on, float64(len(cover))-defects+on)
	}
	return out
}

// ratio is a/b, 0 where nothing is.
func ratio(a, b float64) float32 {
	if b <= 0 {
		return 0
	}
	return float32(a / b)
}

// highest is the places of the most highest values above 0, as a heap with the lowest of them in front.
type highest struct {
	most  int
	value []float32
	at    []int32
}

func (h *highest) add(v float32, at int32) {
	switch {
	case !(v > 0):
	case len(h.at) < h.most:
		h.value, h.at = append(h.value, v), append(h.at, at)
		for i := len(h.at) - 1; i > 0 && h.value[i] < h.value[(i-1)/2]; i = (i - 1) / 2 {
			h.swap(i, (i-1)/2)
		}
	case v > h.value[0]:
		h.value[0], h.at[0] = v, at
		h.sink()
	}
}

func (h *highest) sink() {
	for i := 0; ; {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(h.value) && h.value[child] < h.value[least] {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h *highest) swap(i, j int) {
	h.value[i], h.value[j] = h.value[j], h.value[i]
	h.at[i], h.at[j] = h.at[j], h.at[i]
}
