package v4l2

import (
	"bytes"
	"testing"
)

// FuzzBufferSizes lets a driver claim anything about a buffer: nothing outside its mapping is read.
func FuzzBufferSizes(f *testing.F) {
	f.Add(uint32(0), uint32(64), uint32(64), uint32(8), uint32(0))
	f.Add(uint32(9), uint32(65), uint32(0), uint32(1<<31), uint32(0xffffffff))
	f.Fuzz(func(t *testing.T, index, used0, used1, offset0, flags uint32) {
		maps := [][]byte{bytes.Repeat([]byte{1}, 64), bytes.Repeat([]byte{2}, 32)}
		d := &Device{path: "fuzz", queue: queue{maps: [][][]byte{maps, maps}}}
		head := bufferHead{index: index, flags: flags, sequence: 7}
		used := [maxPlanes]plane{{bytesUsed: used0, dataOffset: offset0}, {bytesUsed: used1}}
		var fr Frame
		if err := d.copyOut(&fr, &head, &used); err != nil {
			if index < 2 {
				t.Fatal(err)
			}
			return
		}
		whole := used0 <= 64 && offset0 <= used0 && used1 <= 32
		if index > 1 || len(fr.Planes) != 2 || fr.Damaged != (!whole || flags&bufferError != 0) {
			t.Fatalf("buffer %d, %d bytes from %d and %d bytes: %d planes, damaged %t", index, used0, offset0, used1, len(fr.Planes), fr.Damaged)
		}
		if whole && (len(fr.Planes[0]) != int(used0-offset0) || len(fr.Planes[1]) != int(used1)) {
			t.Fatalf("%d bytes from %d are %d", used0, offset0, len(fr.Planes[0]))
		}
	})
}

func TestGrantedFormatsAreChecked(t *testing.T) {
	good := Format{Width: 4, Height: 4, Planes: []Plane{{4, 16}}}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Format){
		"width":  func(f *Format) { f.Width = 0 },
		"height": func(f *Format) { f.Height = 1 << 20 },
		"planes": func(f *Format) { f.Planes = nil },
		"bytes":  func(f *Format) { f.Planes = []Plane{{4, maxFrame + 1}} },
		"stride": func(f *Format) { f.Planes = []Plane{{-1, 16}} },
	} {
		f := good
		change(&f)
		if f.check() == nil {
			t.Errorf("%s: %+v passes", name, f)
		}
	}
}

func TestFourCC(t *testing.T) {
	for in, want := range map[string]string{"YUYV": "YUYV", "Y10": "Y10 ", "\x01abc": "?abc"} {
		if got := MakeFourCC(in).String(); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
