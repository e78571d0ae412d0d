package score

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning/groups"
)

// checkHealth refuses what no criterion can judge: weights that are no numbers, and a model that nothing may be cut from.
func checkHealth(st *groups.Structure) error {
	for _, n := range st.Graph.Nodes {
		for i, v := range n.Value {
			if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("value %d of %s is %v: the model is damaged, or its training diverged", i, n.Name, v)
			}
		}
	}
	if len(st.Groups) > 0 && len(st.Free()) == 0 {
		return fmt.Errorf("no filter of this model may be pruned: %s: %s", st.Groups[0].Name, st.Groups[0].Reason)
	}
	return nil
}

// Cautions are what should be known before these matrices are trusted, a line each: classes with one image or none, and
// layers that are dead on all images.
func (c *Collected) Cautions(st *groups.Structure) []string {
	var list []string
	count := make([]int, c.Classes)
	for _, l := range c.Labels {
		count[l]++
	}
	if len(c.Labels) > 0 && slices.Max(count) == 1 {
		list = append(list, "one image of a class: what differs between images of a class cannot be told from what differs between classes")
	}
	for class, n := range count {
		if n == 0 && len(c.Labels) > 0 {
			list = append(list, fmt.Sprintf("class %s has no image: filters that only it needs will look useless", className(st.Graph, class)))
		}
	}
	for _, g := range st.Free() {
		if c.dead(g.Gates) {
			list = append(list, fmt.Sprintf("%s is dead: none of its filters is active on any image, and their order is that of chance", g.Name))
		}
	}
	return list
}

// className is the label of a class, or its number where the network has none.
func className(g *graph.Graph, class int) string {
	if labels := g.Labels(); class < len(labels) {
		return strconv.Quote(labels[class])
	}
	return strconv.Itoa(class)
}

// dead reports whether the activations at all gates are 0 on all images.
func (c *Collected) dead(gates []*graph.Node) bool {
	seen := false
	for _, n := range gates {
		channels := n.Shape.Channels()
		for i, v := range c.Places[n.Name].Pool {
			if at := i / channels % 4; v != 0 && (at == 0 || at == 3) { // mean and deviation
				return false
			}
			seen = true
		}
	}
	return seen
}
