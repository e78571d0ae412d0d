package data

import (
	"bytes"
	"encoding/binary"
)

// exifOrientation is the Orientation tag (1 to 8) of a JPEG file, 1 when it has none or the
// metadata make no sense: a camera's odd note is no reason to lose its picture. JPEG segments are
// ITU-T T.81 annex B; the Exif segment is a TIFF file, CIPA DC-008 §4.5 and §4.6.4.
func exifOrientation(b []byte) int {
	for seg := range segments(b) {
		if tiff, ok := bytes.CutPrefix(seg, []byte("Exif\x00\x00")); ok {
			return tiffOrientation(tiff)
		}
	}
	return 1
}

// segments yields the contents of every APP1 segment before the picture.
func segments(b []byte) func(yield func([]byte) bool) {
	const app1, startOfScan = 0xe1, 0xda
	return func(yield func([]byte) bool) {
		for b := b[min(2, len(b)):]; len(b) >= 4 && b[0] == 0xff; {
			if b[1] == 0xff { // fill byte
				b = b[1:]
				continue
			}
			n := int(binary.BigEndian.Uint16(b[2:]))
			if b[1] == startOfScan || n < 2 || len(b) < 2+n {
				return
			}
			if b[1] == app1 && !yield(b[4:2+n]) {
				return
			}
			b = b[2+n:]
		}
	}
}

// tiffOrientation reads tag 0x0112 of the first directory.
func tiffOrientation(b []byte) int {
	const entry, orientation, short = 12, 0x0112, 3
	order := byteOrder(b)
	if order == nil {
		return 1
	}
	dir := uint64(order.Uint32(b[4:]))
	if dir+2 > uint64(len(b)) {
		return 1
	}
	n := int(order.Uint16(b[dir:]))
	for b := b[dir+2:]; n > 0 && len(b) >= entry; n, b = n-1, b[entry:] {
		if order.Uint16(b) == orientation && order.Uint16(b[2:]) == short {
			return validOrientation(int(order.Uint16(b[8:])))
		}
	}
	return 1
}

// byteOrder is that of a TIFF header, nil when there is none.
func byteOrder(b []byte) binary.ByteOrder {
	switch {
	case len(b) < 8:
		return nil
	case string(b[:4]) == "II*\x00":
		return binary.LittleEndian
	case string(b[:4]) == "MM\x00*":
		return binary.BigEndian
	}
	return nil
}

func validOrientation(v int) int {
	if v < 1 || v > 8 {
		return 1
	}
	return v
}

// turns says how the upright picture is found in the stored one: swap rows and columns first,
// then count x or y from the far side.
var turns = [9]struct{ swap, farX, farY bool }{
	2: {farX: true},
	3: {farX: true, farY: true},
	4: {farY: true},
	5: {swap: true},
	6: {swap: true, farY: true},
	7: {swap: true, farX: true, farY: true},
	8: {swap: true, farX: true},
}

// orient turns a picture that is stored in one of the eight ways upright.
func (m *RGB) orient(how int) {
	if how <= 1 {
		return
	}
	src := *m
	t := turns[how]
	if t.swap {
		m.W, m.H = src.H, src.W
	}
	m.Pix = make([]uint8, len(src.Pix))
	for y := range m.H {
		row := m.row(y)
		for x := range m.W {
			sx, sy := x, y
			if t.swap {
				sx, sy = y, x
			}
			if t.farX {
				sx = src.W - 1 - sx
			}
			if t.farY {
				sy = src.H - 1 - sy
			}
			copy(row[x*3:x*3+3], src.Pix[(sy*src.W+sx)*3:])
		}
	}
}
