package train

import (
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
)

func names(nodes []*graph.Node) []string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	return list
}

func TestReplaceHeadOfGemm(t *testing.T) {
	g := toy.SmallNet("x", "y")
	h, err := ReplaceHead(g, toy.Classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := h.Outputs[0]
	if out.Name != Logits || out.Shape.String() != "1×3" || out.In[0].Name != "features" || !slices.Equal(h.Labels(), toy.Classes) {
		t.Errorf("output %s %v of %s with labels %v", out.Name, out.Shape, out.In[0].Name, h.Labels())
	}
	if h.Node("fc.weight") != nil {
		t.Error("the old head is still there")
	}
	w, b := h.Node(headWeight).Value, h.Node(headBias).Value
	sum := 0.0
	for _, v := range w {
		sum += float64(v) * float64(v)
	}
	toy.Near(t, "variance of the head's weight", sum/float64(len(w)), 1e-4, 5e-5)
	if !slices.Equal(b, make([]float32, 3)) {
		t.Errorf("bias %v, want zeros", b)
	}
	again, _ := ReplaceHead(g, toy.Classes, 1)
	other, _ := ReplaceHead(g, toy.Classes, 2)
	if !slices.Equal(w, again.Node(headWeight).Value) || slices.Equal(w, other.Node(headWeight).Value) {
		t.Error("the weight does not follow the seed")
	}
	h.Node("a.weight").Value[0]++
	if g.Node("a.weight").Value[0] == h.Node("a.weight").Value[0] {
		t.Error("the new network shares values with the old one")
	}
}

// TestReplaceHeadOfConv: SqueezeNet's kind, whose last layer is a convolution before the pooling.
func TestReplaceHeadOfConv(t *testing.T) {
	g := toy.New(8, 3).Conv("a", 16, 2).Act("a.relu", op.Relu{}).Conv("classes", 3, 1).Act("classes.relu", op.Relu{}).Vector().
		Act("softmax", op.Softmax{}).Model(toy.Classes...)
	h, err := ReplaceHead(g, toy.Classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	if h.Node("classes") != nil || h.Node("softmax") != nil {
		t.Error("the old head is still there")
	}
	if p := h.Node("head.pool"); p == nil || p.In[0].Name != "a.relu" || h.Node(headWeight).Shape.String() != "3×16" {
		t.Errorf("pool %v, weight %v, want the mean of a.relu and 3×16", p, h.Node(headWeight).Shape)
	}
}

// TestReplaceHeadKeeps the head of a model that knows these classes, whatever its name, and takes
// a softmax away.
func TestReplaceHeadKeeps(t *testing.T) {
	g := toy.New(8, 3).Conv("a", 16, 2).Vector().Linear("fc", 3).Act("softmax", op.Softmax{}).Model(toy.Classes...)
	h, err := ReplaceHead(g, toy.Classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	if h.Outputs[0].Name != "fc" || !slices.Equal(h.Node("fc.weight").Value, g.Node("fc.weight").Value) {
		t.Errorf("output %q, want the fc that was there", h.Outputs[0].Name)
	}
	if got := Head.params(h); !slices.Equal(got, []string{"fc.weight", "fc.bias"}) {
		t.Errorf("the head is %v", got)
	}
	other, err := ReplaceHead(g, []string{"a", "c", "b"}, 1)
	if err != nil || other.Node(headWeight) == nil {
		t.Errorf("classes in another order keep the head (%v)", err)
	}
}

func TestReplaceHeadRefuses(t *testing.T) {
	two := toy.SmallNet("x", "y")
	two.Outputs = append(two.Outputs, two.Node("sum"))
	plain := toy.New(8, 3).Act("relu", op.Relu{}).Model()
	for want, g := range map[string]*graph.Graph{"2 outputs": two, `no convolution or Gemm leads to output "relu"`: plain} {
		if _, err := ReplaceHead(g, toy.Classes, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// TestParts: which parameters train.
func TestParts(t *testing.T) {
	g, err := ReplaceHead(toy.SmallNet("x", "y"), toy.Classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	head := []string{headWeight, headBias}
	for part, want := range map[Part][]string{
		Head: head,
		Bias: {"a.bias", "a.bn.beta", "b.bias", "c.bias", "d.bias", headWeight, headBias},
		// five layers with weights: a, b, c, d and the head, of which the last third is d and the head
		Sparse: {"a.bias", "a.bn.beta", "b.bias", "c.bias", "d.weight", "d.bias", headWeight, headBias},
		Full:   names(g.Role(graph.Param)),
	} {
		if got := part.params(g); !slices.Equal(got, want) {
			t.Errorf("%s trains %v, want %v", part, got, want)
		}
	}
	if n := len(Full.params(g)); n != 12 {
		t.Errorf("full trains %d parameters, want 12", n)
	}
}

func TestParsePart(t *testing.T) {
	for _, p := range Parts {
		if got, err := ParsePart(string(p)); got != p || err != nil {
			t.Errorf("%s: %s, %v", p, got, err)
		}
	}
	if _, err := ParsePart("all"); err == nil || !strings.Contains(err.Error(), "head, full, bias, sparse, suffix, auto") {
		t.Errorf("error %v, want the parts", err)
	}
}

// TestLayerRates: the head at full rate, each layer below at a factor less.
func TestLayerRates(t *testing.T) {
	g, err := ReplaceHead(toy.SmallNet("x", "y"), toy.Classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	j := &job{task: classifier{}, net: g, Config: Config{LayerDecay: 0.5}}
	rate := j.layerRates()
	for name, want := range map[string]float32{headWeight: 1, headBias: 1, "d.weight": 0.5, "c.bias": 0.25, "b.weight": 0.125, "a.bn.gamma": 0.0625, "a.weight": 0.0625} {
		if got := rate(name); got != want {
			t.Errorf("rate of %s is %v, want %v", name, got, want)
		}
	}
	if j.LayerDecay = 1; j.layerRates() != nil {
		t.Error("a factor of 1 is not off")
	}
	j.Backbone = 0.25
	for name, want := range map[string]float32{headWeight: 1, headBias: 1, "d.weight": 0.25, "a.weight": 0.25} {
		if got := j.layerRates()(name); got != want {
			t.Errorf("rate of %s is %v, want %v", name, got, want)
		}
	}
}
