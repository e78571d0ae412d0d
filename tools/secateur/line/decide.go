package line

import (
	"slices"
	"time"

	"github.com/secateur/secateur/core/eval"
)

// Rules make a decision of a prediction.
type Rules struct {
	Score    float64  // of a detector: boxes are told of from here on, or where a zone wants less; 0: the model's own threshold
	Zones    []Zone   // of a detector: where its boxes reject; none rejects nothing, but for doubt
	Reject   []string // classes that leave the line
	Margin   float64  // a smaller gap between the best two scores is doubtful
	Doubtful string   // reject, pass, as-judged
	LateBad  bool     // what becomes of a part without a verdict in time
}

// Verdict is what is decided about a part.
type Verdict struct {
	Class    string
	Score    float64
	Margin   float64 // between the best two scores
	Doubtful bool
	Bad      bool
	Boxes    []Box // of a detector; nil of a classifier
	Sign     Sign
}

// Sign is what drift of a line is watched by: the class that a part is given, and the score.
type Sign struct {
	Class string // "": a detector finds nothing
	Score float64
}

// sign is that of a prediction, of a detector that of its surest box. One that finds nothing has the score that comes
// nearest to something, so that a line that goes dark is told from one of good parts.
func sign(p *eval.Prediction) Sign {
	switch {
	case p.Boxes == nil:
		return Sign{p.Class, p.Score}
	case p.SurestScore < p.Threshold:
		return Sign{"", p.SurestScore}
	}
	return Sign{p.Surest, p.SurestScore}
}

// Decide judges a prediction.
func (r Rules) Decide(p *eval.Prediction) Verdict {
	v := r.class(p)
	if p.Boxes != nil {
		v = r.boxes(p.Boxes, p.Threshold)
	}
	v.Sign, v.Doubtful = sign(p), v.Margin < r.Margin
	if v.Doubtful && r.Doubtful != "as-judged" {
		v.Bad = r.Doubtful == "reject"
	}
	return v
}

// class judges a classifier's prediction.
func (r Rules) class(p *eval.Prediction) Verdict {
	second := 0.0
	for class, s := range p.Scores {
		if class != p.Class {
			second = max(second, s)
		}
	}
	return Verdict{Class: p.Class, Score: p.Score, Margin: p.Score - second, Bad: slices.Contains(r.Reject, p.Class)}
}

func decisionName(bad bool) string {
	if bad {
		return "reject"
	}
	return "pass"
}

// event tells of a verdict.
func (v Verdict) event(p Part, late bool, took time.Duration, model uint64) Event {
	e := Event{Event: "part", Part: p.Number, Class: v.Class, Score: v.Score, Margin: v.Margin, Doubtful: v.Doubtful,
		Decision: decisionName(v.Bad), Boxes: v.Boxes, Outcome: "judged", Model: model, LatencyMS: took.Seconds() * 1e3}
	if late {
		e.Outcome = "late"
	}
	return e
}
