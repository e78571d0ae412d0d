package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"math"
	"slices"
	"strconv"

	"github.com/secateur/secateur/core/data"
)

const (
	thumbSide    = 192 // pixels; two columns on a phone
	thumbQuality = 85
)

// picturesView is the grid of test images, wrong ones first.
type picturesView struct {
	Items   []pictureView
	Summary string
}

// pictureView is one picture with its verdicts.
type pictureView struct {
	Source   template.URL
	Alt      string
	Class    string
	Name     string
	Verdicts []verdict
	Change   string // "", "mended", "broken" or "changed"
	rank     int
}

// verdict is what one network said.
type verdict struct {
	Network, Class, Score string
	Right                 bool
}

func newPictures(pictures []Picture) (*picturesView, error) {
	if len(pictures) == 0 {
		return nil, nil
	}
	v := &picturesView{}
	for i, p := range pictures {
		src, err := p.source()
		if err != nil {
			return nil, fmt.Errorf("picture %d (%s): %w", i, p.Name, err)
		}
		item := p.view()
		item.Source = src
		v.Items = append(v.Items, item)
	}
	slices.SortStableFunc(v.Items, func(a, b pictureView) int { return a.rank - b.rank })
	v.Summary = summary(v.Items)
	return v, nil
}

// view judges a picture. Its rank puts wrong before right, and changed before unchanged.
func (p Picture) view() pictureView {
	v := pictureView{Class: p.Class, Name: p.Name, Alt: "test picture of class " + p.Class}
	if p.Dense.Class != "" {
		v.Verdicts = append(v.Verdicts, p.verdict("dense", p.Dense))
	}
	if p.Pruned.Class != "" {
		v.Verdicts = append(v.Verdicts, p.verdict("pruned", p.Pruned))
	}
	if len(v.Verdicts) == 0 {
		v.rank = 4
		return v
	}
	v.Change = change(v.Verdicts)
	last := v.Verdicts[len(v.Verdicts)-1]
	switch {
	case !last.Right && v.Change != "":
		v.rank = 0
	case !last.Right:
		v.rank = 1
	case v.Change != "":
		v.rank = 2
	default:
		v.rank = 3
	}
	return v
}

func (p Picture) verdict(network string, g Prediction) verdict {
	v := verdict{Network: network, Class: g.Class, Right: g.Class == p.Class}
	if isShare(g.Score) {
		v.Score = strconv.FormatFloat(math.Round(100*g.Score), 'f', 0, 64) + space + "%"
	}
	return v
}

// change says what pruning did to a decision.
func change(vs []verdict) string {
	switch {
	case len(vs) < 2 || vs[0].Class == vs[1].Class:
		return ""
	case vs[1].Right:
		return "mended"
	case vs[0].Right:
		return "broken"
	}
	return "changed"
}

// summary counts the pictures by verdict.
func summary(items []pictureView) string {
	var wrong, changed, mended, broken int
	pruned := false
	for _, p := range items {
		if n := len(p.Verdicts); n > 0 && !p.Verdicts[n-1].Right {
			wrong++
		}
		pruned = pruned || len(p.Verdicts) == 2
		switch p.Change {
		case "mended":
			mended, changed = mended+1, changed+1
		case "broken":
			broken, changed = broken+1, changed+1
		case "changed":
			changed++
		}
	}
	s := fmt.Sprintf("%s shown, %d wrong", plural(len(items), "picture"), wrong)
	if pruned {
		s += fmt.Sprintf(" after pruning; %s changed by pruning: %d mended, %d broken, %d still wrong",
			plural(changed, "decision"), mended, broken, changed-mended-broken)
	}
	return s
}

// source is the picture as a data URI.
func (p Picture) source() (template.URL, error) {
	data := p.Data
	if len(data) == 0 {
		if p.Image == nil || p.Image.Bounds().Empty() {
			return "", fmt.Errorf("has neither data nor pixels, want one of them")
		}
		data = thumbnail(p.Image)
	}
	kind := ""
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		kind = "png"
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		kind = "jpeg"
	default:
		return "", fmt.Errorf("data starts with %q, want PNG or JPEG", data[:min(len(data), 8)])
	}
	return template.URL("data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)), nil
}

// thumbSize is the size of a picture scaled down to at most thumbSide pixels a side.
func thumbSize(w, h int) (int, int) {
	if long := max(w, h); long > thumbSide {
		return max(1, w*thumbSide/long), max(1, h*thumbSide/long)
	}
	return w, h
}

// thumbnail is an image as JPEG, scaled down to at most thumbSide pixels a side.
func thumbnail(img image.Image) []byte {
	w, h := thumbSize(img.Bounds().Dx(), img.Bounds().Dy())
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, data.Scaled(img, w, h), &jpeg.Options{Quality: thumbQuality}); err != nil {
		panic("report: encoding a thumbnail into memory: " + err.Error())
	}
	return buf.Bytes()
}
