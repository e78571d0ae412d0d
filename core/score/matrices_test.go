package score

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// TestMatricesSurvive: what was saved is read back to the bit, and scores the same; what is too large is left out, and
// said to be.
func TestMatricesSurvive(t *testing.T) {
	s, st := probing(t)
	c, err := s.Collect(st, criteria.Activations|criteria.LossGradients|criteria.MarginGradients|criteria.MapRanks|criteria.Moments|criteria.Samples)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "matrices-dense.secateur")
	if err := SaveMatrices(path, c, 0); err != nil {
		t.Fatal(err)
	}
	got, err := LoadMatrices(path)
	if err != nil {
		t.Fatal(err)
	}
	for gate, p := range c.Places {
		if q := got.Places[gate]; !reflect.DeepEqual(fill(p), fill(q)) {
			t.Errorf("%s differs", gate)
		}
	}
	if !reflect.DeepEqual(got.Moments, c.Moments) || !reflect.DeepEqual(got.Added, c.Added) || !reflect.DeepEqual(got.Labels, c.Labels) || got.Needs != c.Needs {
		t.Error("moments, contributions, labels or needs differ")
	}
	if err := SaveMatrices(path, c, 1); err != nil {
		t.Fatal(err)
	}
	if got, err = LoadMatrices(path); err != nil || got.Moments != nil || got.Added != nil || got.Needs.Has(criteria.Moments) {
		t.Errorf("%v, moments %v, error %v", got.Needs, got.Moments, err)
	}
	if _, err := LoadMatrices(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(unwrap(err)) {
		t.Errorf("error %v", err)
	}
}

// fill makes parts that are empty nil.
func fill(p criteria.Place) criteria.Place {
	for _, part := range parts(&p) {
		if len(*part.v) == 0 {
			*part.v = nil
		}
	}
	return p
}

func unwrap(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		if os.IsNotExist(err) {
			return err
		}
		err = u.Unwrap()
	}
}

// TestBadInput: each has a line that says what is wrong.
func TestBadInput(t *testing.T) {
	s, st := probing(t)
	wants := func(st *groups.Structure, s *Scorer, needs criteria.Needs, want string) {
		t.Helper()
		if _, err := s.Collect(st, needs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	damaged := smoothNet()
	damaged.Node("b.weight").Value[7] = float32(math.NaN())
	bad, _ := groups.Find(damaged)
	wants(bad, s, criteria.Weights, "value 7 of b.weight is NaN")
	locked := &groups.Structure{Graph: st.Graph, Groups: []*groups.Group{{Name: "fc", Locked: true, Reason: "it is an output"}}}
	wants(locked, s, criteria.Activations, "no filter of this model may be pruned: fc: it is an output")
	wants(st, s, criteria.Overlaps, "none of 21 pictures has a mask in masks/ or a box in boxes.csv")
	one := *s
	one.Samples = []data.Sample{s.Samples[0], s.Samples[7]} // of classes 0 and 1
	caution(t, &one, st, "one image of a class", `class "c" has no image`)
	dead := toy.New(8, 3).Conv("a", 6, 1).Act("a.relu", op.Relu{}).Conv("b", 4, 1).Vector().Linear("fc", 3).Model(toy.Classes...)
	for i := range dead.Node("a.bias").Value {
		dead.Node("a.bias").Value[i] = -100
	}
	dry, _ := groups.Find(dead)
	caution(t, s, dry, "a is dead")
	caution(t, s, st)
}

// caution compares the beginnings of the cautions of what is collected.
func caution(t *testing.T, s *Scorer, st *groups.Structure, want ...string) {
	t.Helper()
	c, err := s.Collect(st, criteria.Activations)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Cautions(st)
	if len(got) != len(want) {
		t.Fatalf("cautions %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("caution %q, want %q", got[i], want[i])
		}
	}
}
