package report

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// pixel is a PNG of one grey pixel.
var pixel = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU" +
	"\x00\x00\x00\nIDATx\x9cch\x00\x00\x00\x82\x00\x81w\xcdr\xb6\x00\x00\x00\x00IEND\xaeB`\x82")

// small is a page with a little of everything, and names that would be markup.
func small() *Page {
	classes := []string{"good", "<b>scratch</b>"}
	return &Page{
		Title:    "Line 7 & <i>others</i>",
		Subtitle: "adapted from \"line 6\"",
		When:     time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC),
		Machine:  "Cortex-A72, 4 cores",
		Facts:    []Fact{{"Criterion", "fisher"}, {"Budget", "macs=0.5"}},
		Dense: &Result{On: "test images", Images: 20, Accuracy: 0.9, Macro: 0.9, Loss: 0.31, MACs: 12_345_678, Params: 201_000, Bytes: 812_000,
			P50Ms: 12.4, P99Ms: 15, Classes: classes, Confusion: [][]int{{9, 1}, {1, 9}}},
		Pruned: &Result{On: "test images", Images: 20, Accuracy: 0.95, Macro: 0.95, Loss: 0.22, MACs: 6_012_000, Params: 88_000, Bytes: 360_000,
			P50Ms: 7.1, P99Ms: 9, Classes: classes, Confusion: [][]int{{10, 0}, {1, 9}}},
		Epochs: []Epoch{
			{Phase: "head", Epoch: 1, Loss: 1.2, Accuracy: 0.5, ValLoss: 1.1, ValAccuracy: 0.55},
			{Phase: "tune", Epoch: 1, Loss: 0.8, Accuracy: 0.7},
			{Phase: "tune", Epoch: 2, Loss: 0.5, Accuracy: 0.8, ValLoss: 0.6, ValAccuracy: 0.75},
			{Phase: "turn", Turn: 1, Epoch: 1, Loss: 0.6, Accuracy: 0.8, ValLoss: 0.6, ValAccuracy: 0.8},
			{Phase: "turn", Turn: 2, Epoch: 1, Loss: 0.4, Accuracy: 0.9, ValLoss: 0.5, ValAccuracy: 0.8},
		},
		Turns: []Turn{
			{Turn: 0, MACs: 12_345_678, Params: 201_000, Accuracy: 0.9, Accepted: true},
			{Turn: 1, MACs: 6_012_000, Params: 88_000, Accuracy: 0.95, Accepted: true, Removed: 24},
			{Turn: 2, MACs: 3_500_000, Params: 51_000, Accuracy: 0.6, Removed: 1, Reason: "accuracy < 0.88"},
		},
		TurnsBy: "harmonic accuracy, validation",
		Widths:  []Width{{Layer: "stem", Before: 16, After: 8, Kept: []int{0, 1, 2, 5, 9, 10, 11, 15}}, {Layer: "head/conv", Before: 32, After: 32}},
		Pictures: []Picture{
			{Name: "a.png", Data: pixel, Class: "good", Dense: Prediction{"good", 0.9}, Pruned: Prediction{"good", 0.99}},
			{Name: "b.png", Data: pixel, Class: "good", Dense: Prediction{"<b>scratch</b>", 0.6}, Pruned: Prediction{"good", 0.8}},
			{Name: "\"c\".png", Data: pixel, Class: "<b>scratch</b>", Dense: Prediction{"good", 0.5}, Pruned: Prediction{"good", 0.7}},
		},
		Notes: []string{"Unknown op <Foo>: its channels are locked."},
	}
}

// large is a page as a real run makes it, to be looked at.
func large() *Page {
	r := rand.New(rand.NewPCG(1, 2))
	classes := []string{"good", "scratch", "dent", "stain", "missing part", "misprint"}
	p := small()
	p.Title, p.Subtitle = "Secateur demo", "The embedded network, adapted to the target line from 10 images a class and pruned to half of its MACs"
	p.Machine = "Cortex-A72, 4 cores, linux/arm64"
	p.Facts = []Fact{{"Model", "embedded compact CNN, 6 classes, 96 × 96 × 3"}, {"Data", "synthetic target line, 60 training, 30 validation and 180 test images"},
		{"Images per class", "10"}, {"Seed", "1"}, {"Criterion", "taylor-gate (margin)"}, {"Allocator", "global"}, {"Budget", "macs=0.5"}, {"Kernels", "neon"}, {"Threads", "4"}}
	p.Dense.Classes, p.Pruned.Classes = classes, classes
	p.Dense.Confusion, p.Dense.Images, p.Dense.Accuracy, p.Dense.Macro = confusion(r, 6, 30, 0.92)
	p.Pruned.Confusion, p.Pruned.Images, p.Pruned.Accuracy, p.Pruned.Macro = confusion(r, 6, 30, 0.90)
	p.Epochs, p.Turns, p.Widths, p.Pictures = nil, nil, nil, nil
	k := 0
	add := func(phase string, turn, n int) {
		for e := range n {
			k++
			l := 1.7*math.Exp(-float64(k)/7) + 0.1*r.Float64()
			p.Epochs = append(p.Epochs, Epoch{phase, turn, e + 1, l, 1 - l/2.2, l + 0.15 + 0.1*r.Float64(), 0.93 - l/2.2})
		}
	}
	add("head", 0, 6)
	add("tune", 0, 14)
	for t := range 7 {
		acc := 0.93 - 0.01*float64(t) - 0.02*r.Float64()
		turn := Turn{Turn: t, MACs: 12_345_678 - int64(t)*1_100_000, Params: 201_000 - 17_000*int64(t), Accuracy: acc, Accepted: t != 4, Removed: 12 + t}
		if t == 0 {
			turn.Removed = 0
		} else {
			add("turn", t, 2)
		}
		if t == 4 {
			turn.Accuracy, turn.Reason = 0.71, "harmonic accuracy 0.710 is below 0.902; step halved, block4.project locked"
		}
		p.Turns = append(p.Turns, turn)
	}
	add("final", 0, 8)
	for i := range 14 {
		w := Width{Layer: fmt.Sprintf("block%d.%s", i/2, []string{"expand", "project"}[i%2]), Before: 16 + 24*i}
		for f := range w.Before {
			if r.Float64() < 0.45+0.03*float64(i) {
				w.Kept = append(w.Kept, f)
			}
		}
		w.After = len(w.Kept)
		p.Widths = append(p.Widths, w)
	}
	for i := range 18 {
		pic := Picture{Name: fmt.Sprintf("test/%03d.png", i), Image: surface(r), Class: classes[i%6]}
		pic.Dense, pic.Pruned = Prediction{pic.Class, 0.97}, Prediction{pic.Class, 0.93}
		switch {
		case i%7 == 3:
			pic.Pruned = Prediction{classes[(i+1)%6], 0.55}
		case i == 4:
			pic.Dense = Prediction{"good", 0.61}
		case i == 12:
			pic.Dense, pic.Pruned = Prediction{"dent", 0.51}, Prediction{"stain", 0.48}
		case i == 13:
			pic.Dense, pic.Pruned = Prediction{"dent", 0.51}, Prediction{"dent", 0.48}
		}
		p.Pictures = append(p.Pictures, pic)
	}
	p.Notes = append(p.Notes, "Turn 4 was rolled back.")
	return p
}

// confusion draws n images for each of k classes, of which about a share is recognised.
func confusion(r *rand.Rand, k, n int, share float64) (m [][]int, images int, accuracy, macro float64) {
	right := 0
	for i := range k {
		row := make([]int, k)
		for range n {
			j := i
			if r.Float64() > share {
				j = r.IntN(k)
			}
			row[j]++
		}
		right += row[i]
		m = append(m, row)
	}
	return m, k * n, float64(right) / float64(k*n), float64(right) / float64(k*n)
}

// surface is a noisy grey square of 96 × 96 pixels with a dark spot.
func surface(r *rand.Rand) image.Image {
	img := image.NewGray(image.Rect(0, 0, 96, 96))
	cx, cy := 20+r.IntN(56), 20+r.IntN(56)
	for y := range 96 {
		for x := range 96 {
			v := 130 + 20*math.Sin(float64(x)/9) + 12*r.Float64()
			if (x-cx)*(x-cx)+(y-cy)*(y-cy) < 80 {
				v -= 70
			}
			img.SetGray(x, y, color.Gray{uint8(v)})
		}
	}
	return img
}

// wide is a large page with names that do not break and 24 classes.
func wide() *Page {
	p := large()
	r := rand.New(rand.NewPCG(3, 4))
	long := strings.Repeat("Unbreakable", 4)
	var classes []string
	for i := range 24 {
		classes = append(classes, fmt.Sprintf("%s%d", long, i))
	}
	for _, res := range []*Result{p.Dense, p.Pruned} {
		res.Classes, res.PerClass = classes, nil
		res.Confusion, res.Images, res.Accuracy, res.Macro = confusion(r, 24, 120, 0.4)
	}
	p.Title, p.Subtitle, p.Machine, p.TurnsBy = long, long+long, long, "harmonic "+long
	p.Facts = append(p.Facts, Fact{long, long})
	p.Turns[4].Reason = long + long
	p.Notes = append(p.Notes, long+long)
	for i := range p.Widths {
		p.Widths[i].Layer = "/features/" + long
	}
	for i := range p.Pictures {
		p.Pictures[i].Class, p.Pictures[i].Pruned.Class = long, long
	}
	return p
}
