package accept

import (
	"context"
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
)

// unknown is the class of a box that the live model has no name for.
const unknown = -1

// knownBoxes are the pictures of all parts, their boxes with the live model's numbers for the classes.
func knownBoxes(live *graph.Graph, s *data.Splits) (list []data.Sample) {
	labels := live.Labels()
	for _, x := range slices.Concat(s.Train, s.Val, s.Test) {
		x.Boxes = slices.Clone(x.Boxes)
		for i := range x.Boxes {
			x.Boxes[i].Class = slices.Index(labels, s.Classes[x.Boxes[i].Class])
		}
		list = append(list, x)
	}
	return list
}

// doubtBoxes are the suspects of a detector, each picture once, by the surest of what it finds that no box agrees with.
func doubtBoxes(ctx context.Context, env graph.Env, live *graph.Graph, asked []data.Sample, d Doubt) (list []Suspect, err error) {
	sure := detect.ForUse()
	sure.Score = float32(d.Score)
	found, err := detect.Find(ctx, env, live, asked, sure, nil)
	if err != nil {
		return nil, err
	}
	labels := live.Labels()
	for i, all := range found {
		for _, f := range all { // the surest first
			if says, denied := denies(asked[i].Boxes, f, labels); denied {
				list = append(list, Suspect{asked[i].Name, says, labels[f.Class], float64(f.Score)})
				break
			}
		}
	}
	return list, nil
}

// agree is the overlap from which on two boxes are of the same object.
const agree = 0.5

// denies reports whether no box agrees with what was found, and what the labels say is there instead.
func denies(boxes []data.Box, f detect.Detection, labels []string) (says string, denied bool) {
	says, most := fmt.Sprintf("nothing at %.0f,%.0f", (f.XMin+f.XMax)/2, (f.YMin+f.YMax)/2), agree
	for _, b := range boxes {
		switch o := f.Overlap(b); {
		case o >= agree && (b.Class == f.Class || b.Class == unknown):
			return "", false
		case o >= most:
			says, most = labels[b.Class], o
		}
	}
	return says, true
}
