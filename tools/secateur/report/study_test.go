package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/study"
	"github.com/secateur/secateur/core/train"
)

// studied are results of three sets, eight draws, two budgets, as cut and fine-tuned with the controls. Fisher is 12 points
// above random in every draw as cut and 1 below the dense network when fine-tuned; odd is not defined.
func studied() []study.Result {
	r := rand.New(rand.NewPCG(1, 2))
	var list []study.Result
	for _, set := range []string{"neu-det", "hymenoptera", "<b>tiles</b>"} {
		for seed := range 8 {
			level := 70 + 10*r.Float64()
			add := func(selector, keep, tuning string, accuracy float64, macs int64, removed ...string) {
				k := study.Key{Model: "mobilenet-v1-025", Data: set, Shots: 10, Seed: seed, Selector: selector}
				if selector != "dense" {
					k.Allocator, k.Keep, k.Repair, k.Tuning = "uniform", keep, "rebuild", tuning
				}
				list = append(list, study.Result{Key: k, Accuracy: accuracy, Worst: accuracy - 20, MACs: macs, Images: 360, Removed: removed})
			}
			add("dense", "", "", level, 1000)
			for i, keep := range []string{"macs=0.75", "macs=0.5"} {
				macs, drop := int64(750-250*i), float64(10+15*i)
				add("random", keep, "none", level-drop-12, macs, "a/1", "a/2", "b/1")
				add("fisher-margin", keep, "none", level-drop, macs, "a/1", "a/3", "b/1")
				add("l1", keep, "none", level-drop-6+4*r.NormFloat64(), macs, "a/3", "a/4", "b/1")
				add("obs", keep, "none", level-drop-3+4*r.NormFloat64(), macs, "a/3", "a/1", "b/2")
			}
			for _, s := range append(train.Controls(), "random", "fisher-margin", "l1", "obs") {
				add(s, "macs=0.5", "full", level-1, 500)
			}
			list = append(list, study.Result{Key: study.Key{Model: "mobilenet-v1-025", Data: set, Shots: 10, Seed: seed, Selector: "odd", Allocator: "uniform",
				Keep: "macs=0.5", Repair: "rebuild", Tuning: "none"}, Skipped: "no batch <norm>"})
		}
	}
	return list
}

func renderStudy(t testing.TB, results []study.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteStudy(&b, "Small & <small>", results); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestStudy: counts, differences, ranks and shares are on the page, and names are text.
func TestStudy(t *testing.T) {
	page := renderStudy(t, studied())
	wellFormed(t, page)
	for _, want := range []string{
		"Small &amp; &lt;small&gt;", "384" + space + "runs: 1" + space + "model on 3" + space + "data sets, up to 8" + space + "draws of images",
		"above in 3 of 3", "below in 3 of 3", `<td class="num sure">&#43;12.0<small>&#43;12.0 to &#43;12.0</small><small>p` + space + "0.023</small>", // 2/256, Holm over three
		"fisher-margin: mean rank 1.00", "not defined: no batch &lt;norm&gt;", "ablate-and-restore", "8" + space + "draws", "Friedman over 3" + space + "settings",
		"fisher-margin and random: 50.0" + space + "% of the filters that either removed", "fisher-margin, 50 % left",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, bad := range []string{"<script", "<b>tiles", "NaN", "Inf", "http://", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is on the page", bad)
		}
	}
	if again := renderStudy(t, studied()); again != page {
		t.Error("the same results make another page")
	}
}

// TestStudyOfLittle: a page is made of whatever is there.
func TestStudyOfLittle(t *testing.T) {
	all := studied()
	noRandom := all[:0:0]
	for _, r := range all {
		if r.Selector != study.Random && r.Seed < 2 {
			noRandom = append(noRandom, r)
		}
	}
	for name, results := range map[string][]study.Result{"nothing": nil, "the first dense network": all[:1], "one draw": all[:9], "no random filters": noRandom,
		"nothing defined": {all[16], {Key: study.Key{Selector: "odd"}, Skipped: "no"}}} {
		page := renderStudy(t, results)
		wellFormed(t, page)
		if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
			t.Errorf("%s: a number is none", name)
		}
	}
}

// TestStudyInBrowser: nothing is wider than a phone or a desk, also with many selectors of long names.
func TestStudyInBrowser(t *testing.T) {
	many := studied()
	for i := range 30 {
		for _, r := range studied() {
			if r.Selector == "l1" && r.Tuning == "none" {
				r.Selector = fmt.Sprintf("reverse:fisher-margin-%d", i)
				r.Accuracy -= float64(i)
				many = append(many, r)
			}
		}
	}
	fits(t, renderStudy(t, many), "0 of 0 pictures missing")
}

// TestCritical: ranks in order from the left, bars over those within the critical difference alone.
func TestCritical(t *testing.T) {
	c := newCritical(study.Ranking{Selectors: []string{"a", "b", "c", "d"}, Ranks: []float64{3.5, 1, 1.5, 4}, Blocks: 10, P: 0.01, Critical: 0.6})
	var names []string
	for _, h := range c.Hangers {
		names = append(names, h.Name)
	}
	if got := strings.Join(names, " "); got != "b c a d" {
		t.Errorf("hangers %s, want b c a d", got)
	}
	x := axis{lo: 1, hi: 4, from: c.Left, to: c.Right}
	if len(c.Bars) != 2 || !strings.HasPrefix(c.Bars[0], fmt.Sprintf("M%s ", x.at(1)-3)) || !strings.HasSuffix(c.Bars[1], fmt.Sprintf("H%s", x.at(4)+3)) {
		t.Errorf("bars %q", c.Bars)
	}
	if newCritical(study.Ranking{Selectors: []string{"a", "b"}, Ranks: []float64{1, 2}, Blocks: 1}) != nil {
		t.Error("one setting is ranked")
	}
}
