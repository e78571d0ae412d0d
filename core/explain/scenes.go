package explain

import (
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
)

// Scene is a tested picture with what the detectors before and after pruning find in it, each from the score on that suits the
// judging pictures best. Boxes are in pixels of the picture.
type Scene struct {
	Name    string     `json:"image"`
	Path    string     `json:"-"`
	Objects []eval.Box `json:"objects"` // that are there
	Before  []eval.Box `json:"before"`
	After   []eval.Box `json:"after"`
	Found   int        `json:"found"`  // objects that only the detector after pruning finds
	Lost    int        `json:"lost"`   // and only the one before
	Alarms  int        `json:"alarms"` // boxes on no object after pruning, less those before
}

// changed reports whether the detectors answer differently.
func (s *Scene) changed() bool { return s.Found+s.Lost > 0 || s.Alarms != 0 }

// scenes compares detectors on the tested pictures.
func (e *explainer) scenes() error {
	before, first, err := e.find(e.run.Dense)
	if err != nil {
		return err
	}
	after, then, err := e.find(e.run.Net)
	if err != nil {
		return err
	}
	e.out.Before, e.out.After, e.seen = *first, *then, map[string]*Scene{}
	for i, s := range e.run.Tested {
		x := e.scene(s, atLeast(before[i], first.Threshold), atLeast(after[i], then.Threshold))
		e.seen[s.Path] = x
		if x.changed() {
			e.out.Scenes = append(e.out.Scenes, *x)
		}
	}
	return nil
}

// find is what a detector finds in the tested pictures, and how good that is at the operating point of the judging pictures.
func (e *explainer) find(g *graph.Graph) ([][]detect.Detection, *eval.Report, error) {
	judged, err := detect.Measure(e.ctx, e.Env, g, e.run.Judges, eval.Options{Operate: true, Progress: e.Progress})
	if err != nil {
		return nil, nil, err
	}
	found, err := detect.Find(e.ctx, e.Env, g, e.run.Tested, detect.ForAverages(), e.Progress)
	if err != nil {
		return nil, nil, err
	}
	r := detect.Report(g, e.run.Tested, found, judged.Threshold)
	r.Latency, err = eval.MeasureLatency(e.ctx, e.Env, g, eval.Views(g))
	return found, r, err
}

// atLeast is the detections of a score.
func atLeast(found []detect.Detection, score float64) (list []detect.Detection) {
	for _, d := range found {
		if float64(d.Score) >= score {
			list = append(list, d)
		}
	}
	return list
}

func (e *explainer) scene(s data.Sample, before, after []detect.Detection) *Scene {
	x := &Scene{Name: s.Name, Path: s.Path, Objects: []eval.Box{}, Before: e.boxes(before), After: e.boxes(after)}
	for _, b := range s.Boxes {
		x.Objects = append(x.Objects, eval.Box{Class: e.run.Classes[b.Class], XMin: float64(b.XMin), YMin: float64(b.YMin), XMax: float64(b.XMax), YMax: float64(b.YMax)})
	}
	seen, right := detect.Seen(s.Boxes, before)
	still, rightNow := detect.Seen(s.Boxes, after)
	for i := range seen {
		if seen[i] && !still[i] {
			x.Lost++
		}
		if !seen[i] && still[i] {
			x.Found++
		}
	}
	x.Alarms = wrong(rightNow) - wrong(right)
	return x
}

func wrong(right []bool) (n int) {
	for _, ok := range right {
		if !ok {
			n++
		}
	}
	return n
}

func (e *explainer) boxes(found []detect.Detection) []eval.Box {
	list := []eval.Box{}
	for _, d := range found {
		list = append(list, eval.Box{Class: e.run.Classes[d.Class], Score: float64(d.Score), XMin: float64(d.XMin), YMin: float64(d.YMin),
			XMax: float64(d.XMax), YMax: float64(d.YMax)})
	}
	return list
}
