// Command crops makes a classification set of a folder with boxes: the square of one size around the middle of each box, as
// DIR/{train,val,test}/CLASS/FILE-N.png. One size for all, so that the size of a box does not give its class away.
package main

import (
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/core/data"
)

func main() {
	from := flag.String("data", "", "folder with images/, boxes.csv (file, class, xmin, ymin, xmax, ymax) and the table of the parts")
	parts := flag.String("parts", "labels.csv", "table in the folder with the columns file and split")
	out := flag.String("o", "", "folder to write")
	side := flag.Int("side", 120, "side of a crop in pixels")
	flag.Parse()
	n, err := run(*from, *parts, *out, *side)
	if err != nil {
		fmt.Fprintln(os.Stderr, "crops: error:", err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "crops: %d crops in %s\n", n, *out)
}

// run writes the crops and returns their number.
func run(from, parts, out string, side int) (int, error) {
	if from == "" || out == "" || side < 1 {
		return 0, fmt.Errorf("-data and -o are both wanted, and a -side of at least 1")
	}
	partOf, err := readParts(filepath.Join(from, parts))
	if err != nil {
		return 0, err
	}
	boxes, err := readBoxes(filepath.Join(from, "boxes.csv"))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, file := range boxes.files {
		part, ok := partOf[file]
		if !ok {
			return n, fmt.Errorf("%s: %s has boxes and no line", parts, file)
		}
		rgb, err := data.Decode(filepath.Join(from, "images", file))
		if err != nil {
			return n, err
		}
		img := rgb.Image()
		for i, b := range boxes.of[file] {
			name := fmt.Sprintf("%s-%d.png", strings.TrimSuffix(file, filepath.Ext(file)), i)
			if err := save(filepath.Join(out, part, b.class, name), img.SubImage(square(img.Bounds(), b.middle, side))); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// square is the square around middle, moved until it lies in the picture and no larger than that.
func square(picture image.Rectangle, middle image.Point, side int) image.Rectangle {
	side = min(side, picture.Dx(), picture.Dy())
	at := image.Pt(min(max(middle.X-side/2, picture.Min.X), picture.Max.X-side), min(max(middle.Y-side/2, picture.Min.Y), picture.Max.Y-side))
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}
}

func save(path string, img image.Image) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		return err
	}
	return f.Close()
}
