package main

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
)

// squareFinder answers for each of 4×4 cells of a picture of 32×32 whether its red is above its blue by about half of the
// range, or the other way round. Its boxes are the cells.
func squareFinder() *graph.Graph {
	const side, cells, steep, half = 8, 4, 20, 10
	g := graph.New()
	x := g.Leaf("input", graph.Input, tensor.Shape{1, side * cells, side * cells, 3}, nil)
	answer := func(name string, out int, bias float32) (*graph.Node, []float32) {
		w := g.Leaf(name+".weight", graph.Param, tensor.Shape{out, side, side, 3}, tensor.Floats(out*side*side*3))
		y := g.Add(name+".cells", op.Conv{Stride: [2]int{side, side}}, x, w, vector(g, name+".bias", graph.Param, out, bias))
		return g.Add(name+".rows", op.Reshape{Dims: []int{cells * cells, out}}, y), w.Value
	}
	logits, w := answer("logits", 2, -half)
	for i := range side * side {
		red, blue := w[3*i:], w[3*(side*side+i):]
		red[0], red[2], blue[0], blue[2] = steep/64., -steep/64., -steep/64., steep/64.
	}
	nothing, _ := answer("nothing", 4, 0)
	var edges []float32
	for i := range cells * cells {
		x, y := float32(i%cells*side), float32(i/cells*side)
		edges = append(edges, x, y, x+side, y+side)
	}
	boxes := g.Add("boxes", op.Add{}, nothing, g.Leaf("edges", graph.Const, tensor.Shape{1, cells * cells, 4}, edges))
	g.Outputs = []*graph.Node{logits, boxes}
	g.SetLabels([]string{"red", "blue"})
	g.SetPreprocess(graph.Preprocess{Std: [3]float32{255, 255, 255}})
	return g
}

func writeBoard(dir string) {
	must(os.MkdirAll(dir, 0o755))
	rows, parts := []string{"file,class,xmin,ymin,xmax,ymax"}, []string{"file,split"}
	for _, b := range []struct {
		name, box string
		at        image.Point
		c         color.RGBA
	}{
		{"a", "red,0,0,16,16", image.Pt(0, 0), color.RGBA{255, 0, 0, 255}},
		{"b", "red,48,48,64,64", image.Pt(48, 48), color.RGBA{255, 0, 0, 255}},
		{"c", "blue,0,0,16,16", image.Pt(0, 0), color.RGBA{0, 0, 255, 255}},
		{"d", ",,,,", image.Pt(0, 0), color.RGBA{100, 100, 100, 255}},
		{"e", "red,0,0,16,16", image.Pt(0, 0), color.RGBA{190, 60, 60, 255}},
	} {
		m := image.NewRGBA(image.Rect(0, 0, 64, 64))
		draw.Draw(m, m.Bounds(), image.NewUniform(color.RGBA{100, 100, 100, 255}), image.Point{}, draw.Src)
		draw.Draw(m, image.Rectangle{b.at, b.at.Add(image.Pt(16, 16))}, image.NewUniform(b.c), image.Point{}, draw.Src)
		writePNG(filepath.Join(dir, b.name+".png"), m)
		rows, parts = append(rows, b.name+".png,"+b.box), append(parts, b.name+".png,test")
	}
	for name, table := range map[string][]string{"boxes.csv": rows, "split.csv": parts} {
		must(os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(table, "\n")+"\n"), 0o644))
	}
}

func writePNG(path string, m image.Image) {
	f, err := os.Create(path)
	must(err)
	must(png.Encode(f, m))
	must(f.Close())
}

// labelled is a square of a picture: 0 is blue, 1 red.
type labelled struct {
	class int
	at    image.Rectangle
}

var squareClasses = []string{"blue", "red"}

// writeSquares makes n grey pictures of 32×32 with noise, each with a square in one or both of its halves, and boxes.csv of
// them as told by label, nil for the truth.
func writeSquares(dir string, n int, seed uint64, label func(picture int, s labelled) labelled) {
	const side = 32
	must(os.MkdirAll(dir, 0o755))
	rows := []string{"file,class,xmin,ymin,xmax,ymax"}
	for i := range n {
		name := fmt.Sprintf("%02d.png", i)
		r := random.Stream(seed, name, 0)
		m := image.NewRGBA(image.Rect(0, 0, side, side))
		for p := range m.Pix {
			m.Pix[p] = uint8(110 + r.IntN(40))
			if p%4 == 3 {
				m.Pix[p] = 255
			}
		}
		for half := range 1 + r.IntN(2) {
			size := 7 + r.IntN(6)
			at := image.Pt(half*side/2+r.IntN(side/2-size+1), r.IntN(side-size+1))
			s := labelled{r.IntN(2), image.Rectangle{at, at.Add(image.Pt(size, size))}}
			draw.Draw(m, s.at, image.NewUniform([]color.RGBA{{30, 40, 230, 255}, {230, 40, 30, 255}}[s.class]), image.Point{}, draw.Src)
			if label != nil {
				s = label(i, s)
			}
			rows = append(rows, fmt.Sprintf("%s,%s,%d,%d,%d,%d", name, squareClasses[s.class], s.at.Min.X, s.at.Min.Y, s.at.Max.X, s.at.Max.Y))
		}
		writePNG(filepath.Join(dir, name), m)
	}
	must(os.WriteFile(filepath.Join(dir, "boxes.csv"), []byte(strings.Join(rows, "\n")+"\n"), 0o644))
}
