package graph

import (
	"slices"
	"strings"
	"testing"
)

func TestMetaRoundTrip(t *testing.T) {
	g := New()
	if p := g.Preprocess(); p != DefaultPreprocess() {
		t.Errorf("without meta %v, want the default", p)
	}
	p := Preprocess{Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375}, BGR: true, Letterbox: true, Views: 4}
	g.SetPreprocess(p)
	g.SetLabels([]string{"scratch", "dent, \"deep\"", "Kratzer ü"})
	if got := g.Preprocess(); got != p {
		t.Errorf("%v, want %v", got, p)
	}
	if got := g.Labels(); !slices.Equal(got, []string{"scratch", "dent, \"deep\"", "Kratzer ü"}) {
		t.Errorf("labels %q", got)
	}
	if err := g.CheckMeta(); err != nil {
		t.Error(err)
	}
	g.SetLabels(nil)
	if _, ok := g.Meta[MetaLabels]; ok || g.Labels() != nil {
		t.Error("labels are still there")
	}
}

func TestCheckMetaNamesTheEntry(t *testing.T) {
	for key, bad := range map[string]string{
		MetaLabels: "[1", MetaMean: "1,2", MetaStd: "1,x,1", MetaColor: "rgba", MetaFit: "stretch", MetaViews: "3", MetaScore: "2",
	} {
		g := New()
		g.Meta[key] = bad
		if err := g.CheckMeta(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s=%q: %v", key, bad, err)
		}
	}
	for _, std := range []string{"0,1,1", "-1,1,1", "NaN,1,1", "Inf,1,1"} {
		g := New()
		g.Meta[MetaStd] = std
		if g.CheckMeta() == nil {
			t.Errorf("std %s is accepted", std)
		}
	}
}
