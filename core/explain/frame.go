package explain

import (
	"image"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/score"
)

// pictureFrame is where in the input of a network a picture lies: all of it, but for a letterbox.
type pictureFrame struct {
	input      data.Preprocess
	size       image.Point // of the picture
	to         data.Affine // from its pixels to those of the input
	background int         // the class of what lies in no box
}

// frame is that of a file.
func (e *explainer) frame(path string) (pictureFrame, error) {
	if f, ok := e.frames[path]; ok {
		return f, nil
	}
	size, err := data.Size(path)
	if err != nil {
		return pictureFrame{}, err
	}
	pre := eval.Preprocess(e.run.Dense)
	f := pictureFrame{pre, size, pre.ToInput(size.X, size.Y), len(e.run.Classes)}
	e.frames[path] = f
	return f, nil
}

// shares turns shares of the input, left, top, right and bottom, into shares of the picture.
func (f pictureFrame) shares(of [4]float64) [4]float64 {
	back := f.to.Inverse()
	for i, v := range of {
		if i%2 == 0 {
			of[i] = (v*float64(f.input.Width)*back.SX + back.DX) / float64(f.size.X)
		} else {
			of[i] = (v*float64(f.input.Height)*back.SY + back.DY) / float64(f.size.Y)
		}
	}
	return of
}

// class is that of the smallest box at a place, from 0 to 1, of a picture with boxes; of others the picture's.
func (f pictureFrame) class(s data.Sample, x, y float64) int {
	if s.Boxes == nil {
		return s.Class
	}
	px, py := float32(x*float64(f.size.X)), float32(y*float64(f.size.Y))
	class, least := f.background, float32(0)
	for _, b := range s.Boxes {
		inside := b.XMin <= px && px < b.XMax && b.YMin <= py && py < b.YMax
		if inside && (class == f.background || b.Area() < least) {
			class, least = b.Class, b.Area()
		}
	}
	return class
}

// crop is the part of a heat map that the picture takes.
func (f pictureFrame) crop(h score.Heat) score.Heat {
	x0, y0 := int(f.to.DX+0.5), int(f.to.DY+0.5)
	out := score.Heat{Width: int(f.to.SX*float64(f.size.X) + 0.5), Height: int(f.to.SY*float64(f.size.Y) + 0.5), Class: h.Class}
	for y := range out.Height {
		out.Values = append(out.Values, h.Values[(y0+y)*h.Width+x0:][:out.Width]...)
	}
	return out
}
