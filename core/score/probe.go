package score

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// probeBytes bounds what a probe keeps of the images: what the part of the network behind the gates
// reads. Images beyond it are run from the file again each time. The arenas of the plans come on top.
const probeBytes = 256 << 20

// probe is a criteria.Probe: it runs the part of the network behind the gates of one group, all of them
// switched together, from inputs computed once. A switched unit's channel c is keep·a_c + (1-keep)·mean_c,
// the mean being that over images and positions at this gate of the network as it is.
//
// It is used by one goroutine at a time.
type probe struct {
	s        *Scorer
	network  *graph.Graph
	suffix   *suffix
	units    int
	batch    int
	prefix   *plan.Plan  // from images to feeds
	cached   [][]float32 // by batch, the feeds one after the other
	means    [][]float64 // by gate, of each channel
	onLosses *plan.Plan
	onGammas *plan.Plan // made when first asked for
}

// Probe is the part of the network behind a group, ready to run over the scorer's images with the
// group's units switched. It holds at most 256 MiB of activations beside the plans.
func (s *Scorer) Probe(st *groups.Structure, g *groups.Group) (criteria.Probe, error) {
	if err := s.checkOutputs(st.Graph); err != nil {
		return nil, err
	}
	return s.probe(st, g, probeBytes)
}

func (s *Scorer) probe(st *groups.Structure, g *groups.Group, bytes int) (*probe, error) {
	p := &probe{s: s, network: st.Graph, units: len(g.Units), batch: min(eval.BatchSize, len(s.Samples))}
	if p.batch == 0 {
		return nil, fmt.Errorf("%s: no images to run", g.Name)
	}
	var err error
	if p.suffix, err = behind(st.Graph, g, p.batch); err != nil {
		return nil, fmt.Errorf("%s: %w", g.Name, err)
	}
	if p.prefix, err = p.compilePrefix(st); err != nil {
		return nil, err
	}
	if p.onLosses, err = p.suffix.losses(s.Env); err != nil {
		return nil, err
	}
	p.onLosses.Hook = s.Ctx.Err
	return p, p.fill(bytes)
}

// compilePrefix is the plan of the whole network that keeps the feeds, and the statistics of the gates.
func (p *probe) compilePrefix(st *groups.Structure) (*plan.Plan, error) {
	g, _, err := st.Graph.WithBatch(p.batch)
	if err != nil {
		return nil, err
	}
	keep := slices.Clone(p.suffix.feeds)
	for _, gate := range p.suffix.gates {
		keep = append(keep, g.Add(gate.name+".pooled", op.ChannelStats{}, g.Node(gate.name)).Name)
	}
	if detect.Is(g) {
		assigned := detect.AddAssigned(g, detect.AddTargets(g, targets, detect.MostObjects(p.s.Samples)))
		detect.AddLoss(g, probeLoss, assigned, ones(g, weights, p.batch)) // of which a suffix may read a part
	}
	g.Outputs = nil
	prefix, err := plan.Compile(g, plan.Options{Env: p.s.Env, Keep: keep})
	if err == nil {
		prefix.Hook = p.s.Ctx.Err
	}
	return prefix, err
}

// fill runs all images once: it keeps the feeds of as many batches as fit and the means of the gates.
func (p *probe) fill(bytes int) error {
	for _, gate := range p.suffix.gates {
		p.means = append(p.means, make([]float64, gate.channels))
	}
	floats := 0
	for _, name := range p.suffix.feeds {
		floats += len(p.prefix.Data(name))
	}
	whole := true
	return p.s.each(p.prefix, p.network, p.batch, func(n int) error {
		p.addMeans(n)
		if whole = whole && (len(p.cached)+1)*floats*4 <= bytes; !whole {
			return nil
		}
		var kept []float32
		for _, name := range p.suffix.feeds {
			kept = append(kept, p.prefix.Data(name)...)
		}
		p.cached = append(p.cached, kept)
		return nil
	})
}

// addMeans adds the share of n images to the means of the gates.
func (p *probe) addMeans(n int) {
	for k, gate := range p.suffix.gates {
		pooled := p.prefix.Data(gate.name + ".pooled")
		for i := range n {
			for c := range p.means[k] {
				p.means[k][c] += float64(pooled[i*4*gate.channels+c]) / float64(len(p.s.Samples))
			}
		}
	}
}

// Losses is the loss of each image, cross-entropy against its label or that of a detector's anchors, with unit i passing keep[i].
func (p *probe) Losses(keep []float64, mean bool) ([]float64, error) {
	if len(keep) != p.units {
		return nil, fmt.Errorf("shares of %d units, want %d", len(keep), p.units)
	}
	p.set(p.onLosses, keep, mean)
	var out []float64
	err := p.each(p.onLosses, func(n int) {
		for _, v := range p.onLosses.Data(p.suffix.loss)[:n] {
			out = append(out, float64(v))
		}
	})
	return out, err
}

// Gammas is the derivative of each image's loss with respect to what each unit passes, N×F, where all
// of them pass t.
func (p *probe) Gammas(t float64, mean bool) ([]float64, error) {
	if p.onGammas == nil {
		var err error
		if p.onGammas, err = p.suffix.gammas(p.s.Env); err != nil {
			return nil, err
		}
		p.onGammas.Hook = p.s.Ctx.Err
	}
	keep := make([]float64, p.units)
	for i := range keep {
		keep[i] = t
	}
	p.set(p.onGammas, keep, mean)
	p.centre(mean)
	var out []float64
	err := p.each(p.onGammas, func(n int) { out = p.appendGammas(out, n) })
	return out, err
}

// appendGammas appends a row an image, summed over the gates and a unit's channels.
func (p *probe) appendGammas(out []float64, n int) []float64 {
	first := len(out)
	out = append(out, make([]float64, n*p.units)...)
	for _, gate := range p.suffix.gates {
		if !p.onGammas.Has(gate.gamma) {
			continue
		}
		rows := p.onGammas.Data(gate.gamma)
		for i := range n {
			for u, at := range gate.at {
				for _, c := range at {
					out[first+i*p.units+u] += float64(rows[i*gate.channels+c])
				}
			}
		}
	}
	return out
}

// set writes the scales and shifts of all gates into a plan.
func (p *probe) set(to *plan.Plan, keep []float64, mean bool) {
	for k, gate := range p.suffix.gates {
		scale, shift := to.Data(gate.scale), to.Data(gate.shift)
		for c := range scale {
			scale[c], shift[c] = 1, 0
		}
		for u, at := range gate.at {
			for _, c := range at {
				scale[c] = float32(keep[u])
				if mean {
					shift[c] = float32((1 - keep[u]) * p.means[k][c])
				}
			}
		}
	}
}

// centre writes what activations are counted from in Gammas.
func (p *probe) centre(mean bool) {
	for k, gate := range p.suffix.gates {
		if !p.onGammas.Has(gate.centre) {
			continue
		}
		for c, v := range p.means[k] {
			if !mean {
				v = 0
			}
			p.onGammas.Data(gate.centre)[c] = float32(v)
		}
	}
}

// each runs a plan over all images, batch by batch; after is told how many of them count.
func (p *probe) each(on *plan.Plan, after func(n int)) error {
	done := 0
	run := func(n int) error {
		if on.Has(targets) {
			y := on.Data(targets)
			clear(y)
			for i, x := range p.s.Samples[done : done+n] {
				y[i*p.s.Classes+x.Class] = 1
			}
		}
		if err := on.Run(); err != nil {
			return err
		}
		after(n)
		done += n
		return nil
	}
	for _, kept := range p.cached {
		for _, name := range p.suffix.feeds {
			kept = kept[copy(on.Data(name), kept):]
		}
		if err := run(min(p.batch, len(p.s.Samples)-done)); err != nil {
			return err
		}
	}
	if done == len(p.s.Samples) {
		return nil
	}
	rest := *p.s
	rest.Samples = p.s.Samples[done:]
	return rest.each(p.prefix, p.network, p.batch, func(n int) error {
		for _, name := range p.suffix.feeds {
			copy(on.Data(name), p.prefix.Data(name))
		}
		return run(n)
	})
}
