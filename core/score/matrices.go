package score

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/ridge"
)

// kindMatrices is what a file of collected matrices calls itself.
const kindMatrices = "secateur matrices"

// SaveMatrices writes what was collected, durably, so that any criterion that looks at it can be asked again without
// the network having run. Moments and contributions are left out where the file would pass limit bytes; 0 is no limit.
func SaveMatrices(path string, c *Collected, limit int64) error {
	f := &checkpoint.File{Kind: kindMatrices, Tensors: labelsTensors(c)}
	needs := c.Needs &^ (criteria.Probing | criteria.Moments | criteria.Samples)
	for _, gate := range slices.Sorted(maps.Keys(c.Places)) {
		p := c.Places[gate]
		for _, part := range parts(&p) {
			f.Tensors = appendFloats(f.Tensors, part.name+gate, *part.v)
		}
	}
	for _, more := range []struct {
		need criteria.Needs
		ts   []checkpoint.Tensor
	}{{criteria.Samples, addedTensors(c)}, {criteria.Moments, momentTensors(c)}} {
		if len(more.ts) > 0 && (limit == 0 || bytesOf(f.Tensors)+bytesOf(more.ts) <= limit) {
			f.Tensors, needs = append(f.Tensors, more.ts...), needs|more.need
		}
	}
	e := checkpoint.NewEnc()
	e.Uint64(uint64(needs))
	e.Int(c.Classes)
	e.Uint64(c.Seed)
	var err error
	if f.Body, err = e.Bytes(); err != nil {
		return err
	}
	return checkpoint.Write(path, f)
}

// named is one matrix of a place.
type named struct {
	name string
	v    *[]float32
}

func parts(p *criteria.Place) []named {
	return []named{{"pool/", &p.Pool}, {"loss/", &p.Loss}, {"margin/", &p.Margin}, {"relevance/", &p.Relevance},
		{"saliency/", &p.Saliency}, {"rank/", &p.Rank}, {"overlap/", &p.Overlap}}
}

// Names of the other tensors, before that of the layer.
const (
	tensorLabels  = "labels"
	tensorRegions = "regions"
	tensorImages  = "regions of images"
	tensorObjects = "objects"
	tensorAdded   = "products/"
	tensorMean    = "mean/"
	tensorCov     = "covariance/"
)

func labelsTensors(c *Collected) []checkpoint.Tensor {
	list := []checkpoint.Tensor{integers(tensorLabels, c.Labels)}
	if c.Regions != nil {
		list = append(list, integers(tensorRegions, c.Regions), integers(tensorImages, c.RegionOf))
	}
	if c.Objects != nil {
		list = append(list, integers(tensorObjects, c.Objects))
	}
	return list
}

func integers(name string, v []int) checkpoint.Tensor {
	t := checkpoint.Tensor{Name: name, Shape: []int{len(v)}, I64: make([]int64, len(v))}
	for i, x := range v {
		t.I64[i] = int64(x)
	}
	return t
}

func appendFloats(ts []checkpoint.Tensor, name string, v []float32) []checkpoint.Tensor {
	if len(v) == 0 {
		return ts
	}
	return append(ts, checkpoint.Tensor{Name: name, Shape: []int{len(v)}, F32: v})
}

func addedTensors(c *Collected) (ts []checkpoint.Tensor) {
	for _, name := range slices.Sorted(maps.Keys(c.Added)) {
		ts = append(ts, bits(tensorAdded+name, c.Added[name]))
	}
	return ts
}

func momentTensors(c *Collected) (ts []checkpoint.Tensor) {
	for _, name := range slices.Sorted(maps.Keys(c.Moments)) {
		m := c.Moments[name]
		ts = append(ts, bits(tensorMean+name, m.Mean))
		if m.Cov != nil {
			ts = append(ts, bits(tensorCov+name, m.Cov))
		}
	}
	return ts
}

// bits keeps float64 as what they are made of.
func bits(name string, v []float64) checkpoint.Tensor {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(math.Float64bits(x))
	}
	return checkpoint.Tensor{Name: name, Shape: []int{len(v)}, I64: out}
}

func fromBits(v []int64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = math.Float64frombits(uint64(x))
	}
	return out
}

func bytesOf(ts []checkpoint.Tensor) (total int64) {
	for _, t := range ts {
		total += 4*int64(len(t.F32)) + 8*int64(len(t.I64))
	}
	return total
}

// LoadMatrices reads what SaveMatrices wrote, bit for bit. Criteria that run the network cannot be asked with it.
func LoadMatrices(path string) (*Collected, error) {
	f, err := checkpoint.Read(path)
	if err != nil {
		return nil, err
	}
	if f.Kind != kindMatrices {
		return nil, fmt.Errorf("%s: holds a %q, want a %q", path, f.Kind, kindMatrices)
	}
	d := checkpoint.NewDec(f.Body)
	c := &Collected{Needs: criteria.Needs(d.Uint64()), Classes: d.Int(), Seed: d.Uint64()}
	if err := d.Close(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range f.Tensors {
		c.take(&f.Tensors[i])
	}
	return c, nil
}

// take puts a tensor where it belongs.
func (c *Collected) take(t *checkpoint.Tensor) {
	for name, to := range map[string]*[]int{tensorLabels: &c.Labels, tensorRegions: &c.Regions, tensorImages: &c.RegionOf, tensorObjects: &c.Objects} {
		if t.Name == name {
			for _, l := range t.I64 {
				*to = append(*to, int(l))
			}
		}
	}
	if name, ok := strings.CutPrefix(t.Name, tensorAdded); ok {
		put(&c.Added, name, fromBits(t.I64))
	}
	if name, ok := strings.CutPrefix(t.Name, tensorMean); ok {
		put(&c.Moments, name, ridge.Moments{Mean: fromBits(t.I64), Cov: c.Moments[name].Cov})
	}
	if name, ok := strings.CutPrefix(t.Name, tensorCov); ok {
		put(&c.Moments, name, ridge.Moments{Mean: c.Moments[name].Mean, Cov: fromBits(t.I64)})
	}
	var none criteria.Place
	for k, part := range parts(&none) {
		if gate, ok := strings.CutPrefix(t.Name, part.name); ok {
			p := c.Places[gate]
			*parts(&p)[k].v = t.F32
			put(&c.Places, gate, p)
		}
	}
}

func put[V any](m *map[string]V, name string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[name] = v
}
