package accept

import (
	"fmt"
	"maps"
	"slices"

	"github.com/secateur/secateur/core/eval"
)

// mark is one share, from 0 to 1, that a model is judged by.
type mark struct {
	class string // "": of the golden set as a whole
	what  string // right, AP@.5, precision, recall
	value float64
}

func (m mark) String() string {
	if m.class == "" {
		return fmt.Sprintf("%.1f %% %s on the golden set", 100*m.value, m.what)
	}
	return fmt.Sprintf("class %s: %.1f %% %s", m.class, 100*m.value, m.what)
}

// marks are what a model is judged by, that of the whole first: of a classifier the share of the pictures that it has
// right, and of each class's. Of a detector average precision at an IoU of 0.5, of all and of each class; then what the
// line sees at the detector's own threshold: the precision of all boxes, and the recall of the rarest class (reference:
// pruning §2.7). A class that does not occur has no mark. A rarest class that is named is that, whatever the report says.
func marks(r *eval.Report, rarest string) []mark {
	if !r.Detector {
		list := []mark{{"", "right", r.Accuracy}}
		for _, c := range slices.Sorted(maps.Keys(r.PerClass)) {
			list = append(list, mark{c, "right", r.PerClass[c].Accuracy})
		}
		return list
	}
	list := []mark{{"", "AP@.5", r.Map50}, {"", "precision", r.Precision}}
	for _, c := range slices.Sorted(maps.Keys(r.Objects)) {
		list = append(list, mark{c, "AP@.5", r.Objects[c].AP50})
	}
	if rarest == "" {
		rarest, _ = r.Rarest()
	}
	if o, ok := r.Objects[rarest]; ok {
		list = append(list, mark{rarest, "recall", o.Recall})
	}
	return list
}
