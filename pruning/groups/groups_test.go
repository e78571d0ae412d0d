package groups_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// describe is a line a free group: name, width, kind, gates, producers and consumers.
func describe(s *groups.Structure) string {
	var b strings.Builder
	for _, g := range s.Free() {
		kind := ""
		if g.Stream {
			kind = " stream"
		}
		fmt.Fprintf(&b, "%s %d%s:", g.Name, len(g.Units), kind)
		for _, p := range g.Producers {
			fmt.Fprintf(&b, " <%s", p.Op.Name)
		}
		for _, n := range g.Gates {
			fmt.Fprintf(&b, " @%s", n.Name)
		}
		for _, c := range g.Consumers {
			fmt.Fprintf(&b, " >%s", c.Op.Name)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestGroups holds the groups of each small net: widths, producers <, gates @, consumers >.
func TestGroups(t *testing.T) {
	want := map[string]string{
		"mobile": `
stem 6: <stem @dw1.relu >pw1
pw1 8: <pw1 @dw2.relu >pw2
pw2 12: <pw2 @pw2.relu >logits
`,
		"residual": `
stem 4 stream: <stem <b1.b <b2.b @b1.relu @b2.relu >b1.a >b2.a >b3.a
b1.a 4: <b1.a @b1.a.relu >b1.b
b2.a 4: <b2.a @b2.a.relu >b2.b
b3.a 7: <b3.a @b3.a.relu >b3.b
b3.b 7 stream: <b3.b @b3.relu >logits
`,
		"fire": `
conv1 6: <conv1 @conv1.relu >squeeze
squeeze 4: <squeeze @squeeze.relu >e1 >e3
e1 5: <e1 @e1.relu >reduce
e3 6: <e3 @e3.relu >reduce
reduce 8: <reduce @reduce.relu >logits
`,
		"excite": `
expand 6: <expand <se.fc2 @dw.act >se.fc1 >project
se.fc1 3: <se.fc1 @se.relu >se.fc2
project 5: <project @project.bn >logits
`,
		"flat": `
conv 5: <conv @scaled >logits
`,
		"pyramid": `
c1 6: <c1 @c1.relu >c2 >lat1
c2 7: <c2 @c2.relu >lat2 >lat3
lat2 5 stream: <lat2 <lat1 <lat3 @level @lat3 >tower0 >tower1
tower0 8: <tower0 <tower1 @tower.relu0 @tower.relu1 >box0 >box1
`,
	}
	for name, lines := range want {
		t.Run(name, func(t *testing.T) {
			if got := describe(nets.Structure(t, nets.All()[name](1))); got != lines[1:] {
				t.Errorf("groups\n%swant%s", got, lines)
			}
		})
	}
}

// TestWiring holds that a fixed 0/1 shortcut is sliced but neither scored nor repaired.
func TestWiring(t *testing.T) {
	s := nets.Structure(t, nets.Residual(1))
	g := s.Named("b3.b")
	if g == nil || len(g.Units) != 7 || !g.Stream {
		t.Fatalf("no stream of 7 behind b3: %+v", g)
	}
	for _, site := range append(g.Producers, s.Named("stem").Consumers...) {
		if site.Op.Name == "b3.short" {
			t.Error("the shortcut counts as learnt")
		}
	}
	found := map[string]int{}
	for _, g := range s.Groups {
		for _, m := range g.Members {
			if m.Leaf.Name == "b3.short.w" {
				found[g.Name] = m.Axis
			}
		}
	}
	if len(found) != 2 || found["b3.b"] != 0 || found["stem"] != 3 {
		t.Errorf("the shortcut's weight is a member of %v", found)
	}
}

// TestShuffleUnits holds that a shuffled stream falls into exact units: no width is lost.
func TestShuffleUnits(t *testing.T) {
	s := nets.Structure(t, nets.Shuffle(1))
	for _, g := range s.Groups {
		if g.Locked && g.Name != "logits" {
			t.Errorf("%s is locked: %s", g.Name, g.Reason)
		}
	}
	stem := 0
	for _, g := range s.Free() {
		if g.Producers[0].Op.Name == "stem" {
			stem += len(g.Units)
		}
	}
	if stem != 8 {
		t.Errorf("%d free channels of the stem, want 8", stem)
	}
	// channel 0 of the stem passes both blocks on the left and is channel 0 of the end; channel
	// 4 is the first of the right half of block 1, which pw1 reads as its input 0.
	u, first := unitOf(s, "stem.w", 0)
	if at := u.Indices(s.Graph.Node("last.w"), 3); len(at) != 1 || at[0] != 0 || first == nil {
		t.Errorf("channel 0 of the stem is read by last at %v", at)
	}
	u, _ = unitOf(s, "stem.w", 4)
	if at := u.Indices(s.Graph.Node("s1.pw1.w"), 3); len(at) != 1 || at[0] != 0 {
		t.Errorf("channel 4 of the stem is read by s1.pw1 at %v", at)
	}
}

// unitOf is the unit that holds filter i of a weight.
func unitOf(s *groups.Structure, weight string, i int) (groups.Unit, *groups.Group) {
	w := s.Graph.Node(weight)
	for _, g := range s.Groups {
		for _, u := range g.Units {
			for _, at := range u.Indices(w, 0) {
				if at == i {
					return u, g
				}
			}
		}
	}
	return groups.Unit{}, nil
}

// opaque is an op that says nothing of its channels.
type opaque struct{}

func (opaque) Kind() string                                  { return "Opaque" }
func (opaque) Infer(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil }

// TestLockReasons holds that what is locked says why, and that a lock stops at the next weight.
func TestLockReasons(t *testing.T) {
	b, x := nets.New(1)
	x = b.Unit("a", x, 4, 3, 1)
	x = b.Graph.Add("mystery", opaque{}, b.Unit("b", x, 5, 3, 1))
	x = b.Unit("c", x, 6, 3, 1)
	w := b.Leaf("grouped.w", graph.Param, -1, 1, 8, 3, 3, 3)
	x = b.Graph.Add("grouped", op.Conv{Groups: 2, Pads: [4]int{1, 1, 1, 1}}, x, w)
	g := b.PooledHead(b.Unit("d", x, 7, 1, 1))
	g.Outputs[0] = g.Add("prob", op.Softmax{}, g.Outputs[0])
	s := nets.Structure(t, g)
	want := map[string]string{"a": "", "b": `unknown op "Opaque"`, "c": "Conv grouped",
		"grouped": "Conv grouped", "d": "", "logits": "Softmax prob"}
	for _, gr := range s.Groups {
		reason, ok := want[gr.Name]
		if !ok || gr.Reason != reason || gr.Locked != (reason != "") {
			t.Errorf("%s: locked %v because %q, want %q", gr.Name, gr.Locked, gr.Reason, reason)
		}
		delete(want, gr.Name)
	}
	if len(want) > 0 {
		t.Errorf("no groups for %v", want)
	}
}

// badTies is an op whose tie does not fit.
type badTies struct{ opaque }

func (badTies) Ties(*graph.Node) graph.Ties {
	return graph.Ties{Links: []graph.Tie{{A: graph.End{Port: 0, Axis: 3}, B: graph.End{Port: graph.Out, Axis: 3}, Of: []int{9, 0, 1}}}}
}

func TestGroupsRefusesBadTies(t *testing.T) {
	b, x := nets.New(1)
	b.Graph.Add("bad", badTies{}, x)
	if _, err := groups.Find(b.Graph); err == nil || !strings.Contains(err.Error(), "bad (Opaque): tie leads from index 0 to 9, of 3") {
		t.Errorf("error %v", err)
	}
}
