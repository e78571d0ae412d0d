package criteria

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
)

// Place is what was collected at one gate node over N images, all C channels of the tensor. Parts that
// were not collected are nil. Of a detector P has a row a region, and Γ, R and saliency one an object (see Rows).
type Place struct {
	Pool      []float32 // N×4·C: means, maxima, shares of positive values, standard deviations over the pixels
	Loss      []float32 // N×C: Σ over pixels of a·∂loss/∂a, the loss of that image alone
	Margin    []float32 // N×C: the same of the logit margin
	Relevance []float32 // N×C: Σ over pixels of the relevance of a for the true class
	Saliency  []float32 // N×C: mean over pixels of a, times that of ∂(true logit)/∂a
	Rank      []float32 // N×C: effective rank of the map
	Overlap   []float32 // 2×C: intersection over union of strong activations with the masks, and with the rest of the pictures
}

// Matrices is what a criterion may look at for one group: F units, N images, the sample being
// the image and not the augmented view. The weights come with the group. It is used by one goroutine at a time, and what
// it holds does not change once a criterion has looked at it.
type Matrices struct {
	N       int
	Labels  []int // N, nil where unknown
	Classes int
	Weight  []float64 // N, weight of each image, nil for equal ones
	// Regions is the class of each row of P where these are boxes rather than images, Classes for those on background: of a
	// detector the box is the sample of statistics over P (reference: pruning §2.7). nil: a row an image.
	Regions []int
	// Objects is the class of each row of Γ, R and saliency where these are objects rather than images, Classes for a whole
	// image without any. nil: a row an image.
	Objects []int
	Gates   []Gate
	// Consumers is what was collected where the group's channels are read, by the name of the reading op.
	Consumers map[string]Consumer
	Probe     Probe
	Seed      uint64 // of random scores and draws

	sampled *sample     // what several criteria start from, made when first asked for
	means   [][]float64 // F×N, of P
	pools   []pooled    // of P, by gate
	sums    map[Needs]*gamma
	filters map[*graph.Node]filterGram
	scores  map[string][]float64 // by criterion
}

// PoolLabels is the class of each row of P.
func (m *Matrices) PoolLabels() []int {
	labels, _ := m.pool()
	return labels
}

// GammaLabels is the class of each row of Γ.
func (m *Matrices) GammaLabels() []int {
	labels, _ := m.behind()
	return labels
}

// WithLabels is the same matrices with other classes of the rows of P.
func (m *Matrices) WithLabels(labels []int) *Matrices {
	other := *m
	other.sampled, other.pools, other.scores = nil, nil, nil
	if m.Regions != nil {
		other.Regions = labels
	} else {
		other.Labels = labels
	}
	return &other
}

// score is what a criterion says, asked once: fusions ask again for what they are made of.
func (m *Matrices) score(c Criterion, g *groups.Group) ([]float64, error) {
	if v, ok := m.scores[c.Name]; ok {
		return slices.Clone(v), nil
	}
	v, err := c.Score(m, g)
	if err != nil {
		return nil, err
	}
	if m.scores == nil {
		m.scores = map[string][]float64{}
	}
	m.scores[c.Name] = slices.Clone(v)
	return v, nil
}

// Gate is one gate of a group, the columns being the group's units.
type Gate struct {
	Node      string
	Pixels    int       // positions that γ was summed over
	Signed    bool      // activations may be negative there
	Pool      []float32 // N×4×F, or a row a region: mean, maximum, share of positive values, standard deviation
	Loss      []float32 // N×F, or a row an object, like those below but for ranks and overlaps
	Margin    []float32 // N×F
	Relevance []float32 // N×F
	Saliency  []float32 // N×F
	Rank      []float32 // N×F
	Overlap   []float32 // 2×F
}

// Consumer is what was collected of the channels that one dense op reads, C of them: all of its input, also
// those of other groups.
type Consumer struct {
	Moments ridge.Moments // over images and positions
	// Added is Σ x·xᵀ, C×C, over drawn images, outputs and positions, x being what each channel adds there.
	Added []float64
}

// Probe runs the network over the images with the units of one group switched: a unit passes the share t of its
// activation, from 0 to 1, and 1-t of its mean over the images, or of zero where mean is false.
type Probe interface {
	// Losses is the loss of each of the N images when unit i passes keep[i].
	Losses(keep []float64, mean bool) ([]float64, error)
	// Gammas is the derivative of each image's loss with respect to what each unit passes, N×F, where
	// all of them pass t.
	Gammas(t float64, mean bool) ([]float64, error)
}

// Statistics of Gate.Pool.
const (
	poolMean = iota
	poolMax
	poolPositive
	poolStd
	poolStats
)

// poolRow is a statistic of row n of P, F.
func (g *Gate) poolRow(n, stat, f int) []float32 { return g.Pool[(n*poolStats+stat)*f:][:f] }

// Rows is how many rows the matrices of some images have: of a classifier as many everywhere.
type Rows struct {
	Images  int
	Pooled  int // of P
	Objects int // of Γ, R and saliency
}

// Gather selects the columns of the group's units from what was collected at its gates, by node
// name. A unit that lies at several channels of a gate gets their sum in Γ and their mean in P.
// The error names a gate that is missing or a size that does not fit.
func Gather(g *groups.Group, n Rows, places map[string]Place) (*Matrices, error) {
	m := &Matrices{N: n.Images}
	for _, node := range g.Gates {
		p, ok := places[node.Name]
		if !ok {
			return nil, fmt.Errorf("%s: nothing was collected at gate %s", g.Name, node.Name)
		}
		c := node.Shape.Channels()
		if err := p.check(n, c); err != nil {
			return nil, fmt.Errorf("%s: gate %s: %w", g.Name, node.Name, err)
		}
		gate := Gate{Node: node.Name, Pixels: node.Shape.Rows() / node.Shape[0], Signed: !groups.NeverNegative(node)}
		at := make([][]int, len(g.Units))
		for i, u := range g.Units {
			at[i] = u.Indices(node, len(node.Shape)-1)
		}
		gate.Loss = columns(p.Loss, n.Objects, c, at)
		gate.Margin = columns(p.Margin, n.Objects, c, at)
		gate.Relevance = columns(p.Relevance, n.Objects, c, at)
		gate.Saliency = columns(p.Saliency, n.Objects, c, at)
		gate.Rank = means(p.Rank, n.Images, c, at)
		gate.Overlap = means(p.Overlap, 2, c, at)
		gate.Pool = means(p.Pool, n.Pooled*poolStats, c, at)
		m.Gates = append(m.Gates, gate)
	}
	return m, nil
}

func (p Place) check(n Rows, c int) error {
	for _, x := range []struct {
		name string
		have []float32
		rows int
	}{{"P", p.Pool, n.Pooled * poolStats}, {"Γ of the loss", p.Loss, n.Objects}, {"Γ of the margin", p.Margin, n.Objects}, {"R", p.Relevance, n.Objects},
		{"saliency", p.Saliency, n.Objects}, {"ranks", p.Rank, n.Images}, {"overlaps", p.Overlap, 2}} {
		if len(x.have) != 0 && len(x.have) != x.rows*c {
			return fmt.Errorf("%s has %d values, want %d for %d images and %d channels", x.name, len(x.have), x.rows*c, n.Images, c)
		}
	}
	return nil
}

// columns sums the columns of v, N×C, that belong to each unit: v itself where these are the same.
func columns(v []float32, n, c int, at [][]int) []float32 {
	if len(v) == 0 {
		return nil
	}
	if asTheyLie(c, at) {
		return v
	}
	out := make([]float32, n*len(at))
	for i := range n {
		for j, cols := range at {
			for _, k := range cols {
				out[i*len(at)+j] += v[i*c+k]
			}
		}
	}
	return out
}

// asTheyLie reports whether each unit is the channel of its number, and there are no others.
func asTheyLie(c int, at [][]int) bool {
	if len(at) != c {
		return false
	}
	for i, cols := range at {
		if len(cols) != 1 || cols[0] != i {
			return false
		}
	}
	return true
}

// means is the mean of the columns of v, N×C, that belong to each unit.
func means(v []float32, n, c int, at [][]int) []float32 {
	out := columns(v, n, c, at)
	if asTheyLie(c, at) {
		return out
	}
	for i := range out {
		out[i] /= float32(len(at[i%len(at)]))
	}
	return out
}

// ClassWeights weights each image by N/(C·n_c), so that every class counts alike whatever its
// number of images n_c; C is the number of classes that occur.
func ClassWeights(labels []int) []float64 {
	count := map[int]int{}
	for _, l := range labels {
		count[l]++
	}
	w := make([]float64, len(labels))
	for i, l := range labels {
		w[i] = float64(len(labels)) / float64(len(count)*count[l])
	}
	return w
}

// pool is the class and the weight of each row of P, behind that of each row of Γ, R and saliency.
func (m *Matrices) pool() (labels []int, weight func(i int) float64)   { return m.weighed(m.Regions) }
func (m *Matrices) behind() (labels []int, weight func(i int) float64) { return m.weighed(m.Objects) }

// weighed lets classes count alike; the rows are images where they have no classes of their own.
func (m *Matrices) weighed(classes []int) (labels []int, weight func(i int) float64) {
	if classes == nil {
		return m.Labels, m.weight
	}
	w := ClassWeights(classes)
	return classes, func(i int) float64 { return w[i] }
}

// poolRows is the number of rows of P, objectRows that of Γ, R and saliency.
func (m *Matrices) poolRows() int   { return m.rows(m.Regions) }
func (m *Matrices) objectRows() int { return m.rows(m.Objects) }

func (m *Matrices) rows(classes []int) int {
	if classes == nil {
		return m.N
	}
	return len(classes)
}

// weight is the weight of image i.
func (m *Matrices) weight(i int) float64 {
	if m.Weight == nil {
		return 1
	}
	return m.Weight[i]
}

// check refuses matrices that a criterion with those needs cannot use.
func (m *Matrices) check(needs Needs, g *groups.Group) error {
	f := len(g.Units)
	if m.Weight != nil && len(m.Weight) != m.N {
		return fmt.Errorf("%d image weights for %d images", len(m.Weight), m.N)
	}
	if needs.Images() && m.N < 1 {
		return fmt.Errorf("it needs %s, and there are no images", needs)
	}
	if needs&gateNeeds != 0 && len(m.Gates) == 0 {
		return fmt.Errorf("it needs %s, and the group has no gate", needs)
	}
	for _, gate := range m.Gates {
		for _, part := range gate.parts() {
			n := m.N
			switch {
			case part.need == Activations:
				n = m.poolRows()
			case objectNeeds.Has(part.need):
				n = m.objectRows()
			}
			if have, want := len(part.have), part.rows(n)*f; needs.Has(part.need) && have != want {
				return fmt.Errorf("gate %s: %s has %d values, want %d for %d images and %d units", gate.Node, part.need, have, want, m.N, f)
			}
		}
	}
	return m.checkConsumers(needs, g)
}

func (m *Matrices) checkConsumers(needs Needs, g *groups.Group) error {
	for _, site := range g.Consumers {
		c, channels := m.Consumers[site.Op.Name], site.Weight.Shape.Channels()
		if needs.Has(Moments) && len(c.Moments.Mean) != channels {
			return fmt.Errorf("moments of %d channels at %s, want %d", len(c.Moments.Mean), site.Op.Name, channels)
		}
		if needs.Has(Samples) && len(c.Added) != channels*channels {
			return fmt.Errorf("products of %d sampled contributions at %s, want those of %d×%d", len(c.Added), site.Op.Name, channels, channels)
		}
	}
	if needs.Has(Probing) && m.Probe == nil {
		return fmt.Errorf("it needs %s, and nothing runs the network here", needs)
	}
	return nil
}

// objectNeeds are those that start from what an image, or one of its objects, is answered; gateNeeds all that lie at the gates.
const (
	objectNeeds = LossGradients | MarginGradients | Relevance | Saliency
	gateNeeds   = objectNeeds | Activations | MapRanks | Overlaps
)

// part is one matrix of a gate.
type part struct {
	need Needs
	have []float32
	rows func(n int) int
}

func (g *Gate) parts() []part {
	each := func(n int) int { return n }
	return []part{
		{Activations, g.Pool, func(n int) int { return n * poolStats }}, {LossGradients, g.Loss, each}, {MarginGradients, g.Margin, each},
		{Relevance, g.Relevance, each}, {Saliency, g.Saliency, each}, {MapRanks, g.Rank, each}, {Overlaps, g.Overlap, func(int) int { return 2 }},
	}
}

// of is the matrix of one need.
func (g *Gate) of(need Needs) []float32 {
	for _, p := range g.parts() {
		if p.need == need {
			return p.have
		}
	}
	return nil
}
