package camera

import "slices"

// Pixel is a pixel format by its four-character code.
type Pixel string

// The formats that a picture can be made of. Bayer formats are named by their first four pixels.
const (
	MJPEG  Pixel = "MJPG" // a JPEG file
	YUYV   Pixel = "YUYV" // Y Cb Y Cr
	UYVY   Pixel = "UYVY" // Cb Y Cr Y
	NV12   Pixel = "NV12" // Y; Cb Cr at half the size
	I420   Pixel = "YU12" // Y; Cb; Cr at half the size
	Grey   Pixel = "GREY"
	RGB    Pixel = "RGB3"
	BGGR8  Pixel = "BA81"
	GBRG8  Pixel = "GBRG"
	GRBG8  Pixel = "GRBG"
	RGGB8  Pixel = "RGGB"
	BGGR10 Pixel = "BG10" // in the low bits of 16, little-endian, as the next ones
	GBRG10 Pixel = "GB10"
	GRBG10 Pixel = "BA10"
	RGGB10 Pixel = "RG10"
	BGGR12 Pixel = "BG12"
	GBRG12 Pixel = "GB12"
	GRBG12 Pixel = "BA12"
	RGGB12 Pixel = "RG12"
)

// Shape is the size of a plane relative to the picture.
type Shape struct {
	group, bytes int // bytes for a group of pixels in a line
	lines        int // picture lines for one of the plane
}

// Row is how many bytes a line has without padding.
func (s Shape) Row(width int) int {
	if s.group == 0 {
		return 0
	}
	return (width + s.group - 1) / s.group * s.bytes
}

// Lines is how many lines the plane has.
func (s Shape) Lines(height int) int {
	if s.lines == 0 {
		return 0
	}
	return (height + s.lines - 1) / s.lines
}

// Compressed says that the plane is a file of any length.
func (s Shape) Compressed() bool { return s.group == 0 }

// bayer is a mosaic: where its red pixel is, and how many bits a sample has.
type bayer struct{ redX, redY, bits int }

var mosaics = map[Pixel]bayer{
	BGGR8: {1, 1, 8}, GBRG8: {0, 1, 8}, GRBG8: {1, 0, 8}, RGGB8: {0, 0, 8},
	BGGR10: {1, 1, 10}, GBRG10: {0, 1, 10}, GRBG10: {1, 0, 10}, RGGB10: {0, 0, 10},
	BGGR12: {1, 1, 12}, GBRG12: {0, 1, 12}, GRBG12: {1, 0, 12}, RGGB12: {0, 0, 12},
}

var shapes = map[Pixel][]Shape{
	MJPEG: {{0, 0, 0}},
	YUYV:  {{2, 4, 1}},
	UYVY:  {{2, 4, 1}},
	NV12:  {{1, 1, 1}, {2, 2, 2}},
	I420:  {{1, 1, 1}, {2, 1, 2}, {2, 1, 2}},
	Grey:  {{1, 1, 1}},
	RGB:   {{1, 3, 1}},
}

// Planes are the planes of a format, nil for an unknown one.
func (p Pixel) Planes() []Shape {
	if m, ok := mosaics[p]; ok {
		return []Shape{{1, (m.bits + 7) / 8, 1}}
	}
	return shapes[p]
}

// Pixels are all formats.
func Pixels() []Pixel {
	var all []Pixel
	for p := range shapes {
		all = append(all, p)
	}
	for p := range mosaics {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}
