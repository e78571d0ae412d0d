package eval

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReportJSON: a detector's report has no accuracy, a classifier's no average precision, and both come back.
func TestReportJSON(t *testing.T) {
	for _, c := range []struct {
		r              Report
		there, missing []string
	}{
		{Report{Images: 3, PerClass: map[string]ClassReport{"a": {3, 0}}}, []string{`"accuracy":0`, `"per_class":{"a":{"images":3`}, []string{"map", "objects"}},
		{Report{Detector: true, Images: 3, MACs: 7, Objects: map[string]ObjectReport{"a": {Objects: 4, AP50: 0.5, AP: 0.25, Recall: 1, Precision: 0.5}}},
			[]string{`"map50":0,`, `"map":0,`, `"per_class":{"a":{"objects":4,"ap50":0.5`, `"macs":7`}, []string{"accuracy", "loss", `"objects":{`}},
	} {
		b, err := json.Marshal(&c.r)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.there {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s: no %s", b, want)
			}
		}
		for _, not := range c.missing {
			if strings.Contains(string(b), not) {
				t.Errorf("%s: has %s", b, not)
			}
		}
		var back Report
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.r, back); diff != "" {
			t.Error(diff)
		}
	}
	r := Report{Objects: map[string]ObjectReport{"a": {Objects: 5, Recall: 0.9}, "b": {Objects: 5, Recall: 0.8}, "c": {Objects: 9, Recall: 0.1}}}
	if class, got := r.Rarest(); class != "b" || got.Recall != 0.8 {
		t.Errorf("the rarest is %s, recall %v", class, got.Recall)
	}
	if class, got := new(Report).Rarest(); class != "" || got.Recall != 0 {
		t.Errorf("of nothing the rarest is %s, recall %v", class, got.Recall)
	}
}
