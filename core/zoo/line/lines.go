package line

import "math"

// Source is the line that the embedded model is pretrained on: gears, flanges, sheet-metal plates
// and wooden boards on a woven belt, in any orientation; 24 classes.
func Source() Line {
	return Line{
		Name:     "source",
		Products: []Product{gears(), flanges(), plates(), boards()},
		Belt: Belt{Weave: Woven, Pitch: 0.085, Dirt: Range{0, 0.02},
			Colours: []Colour{Hex(0x3a3d3f), Hex(0x2c2f2e), Hex(0x4a4a44)}},
		Light: Light{Azimuth: Range{0, 2 * math.Pi}, Elevation: Range{0.6, 0.95}, Gain: Range{0.7, 1.05},
			Ambient: Range{0.3, 0.55}, Warmth: Range{-0.6, 0.8}, Vignette: Range{0, 0.35}},
		Pose:   Pose{Shift: Range{-0.07, 0.07}, Turn: Range{-math.Pi, math.Pi}, Scale: Range{0.8, 0.95}},
		Camera: Camera{Width: 96, Height: 96, Blur: Range{0.35, 0.75}, Noise: Range{0.008, 0.022}},
	}
}

// Target is the line to adapt to: one product that the source line never made, the housing of a
// control unit on modular links, under one fixed lamp, with defects of plastic and paper; 6
// classes.
func Target() Line {
	return Line{
		Name:     "target",
		Products: []Product{housings()},
		Belt: Belt{Weave: Modular, Pitch: 0.34, Dirt: Range{0, 0.015},
			Colours: []Colour{Hex(0x3f6f8f), Hex(0x44788a), Hex(0x4a7f9c)}},
		Light: Light{Azimuth: Range{-2.5, -1.3}, Elevation: Range{0.6, 0.8}, Gain: Range{0.8, 1.1},
			Ambient: Range{0.3, 0.42}, Warmth: Range{-0.3, 0.5}, Vignette: Range{0, 0.3}},
		Pose:   Pose{Shift: Range{-0.05, 0.05}, Turn: Range{-0.22, 0.22}, Scale: Range{0.86, 0.95}},
		Camera: Camera{Width: 96, Height: 96, Blur: Range{0.35, 0.75}, Noise: Range{0.008, 0.022}},
	}
}

func gears() Product {
	return Product{
		Name: "gear", Finish: Turned, mould: newGear,
		Colours: []Colour{Hex(0xa2a6aa), Hex(0x8d9094), Hex(0xb39a62)},
		Inks:    []Colour{Hex(0xe8e4d8), Hex(0xd8b23c)},
		Defects: Defects{
			Scratch:   metalScratch(),
			Dent:      Dent{Radius: Range{0.17, 0.24}, Depth: Range{0.12, 0.17}, Stretch: Range{1, 1.8}, Rim: 0.25},
			Stain:     rust(),
			Misprints: Misprints{Shifted: 1, Doubled: 1, Smeared: 1, Faded: 1},
		},
	}
}

func flanges() Product {
	return Product{
		Name: "flange", Finish: Turned, mould: newFlange,
		Colours: []Colour{Hex(0xb4b7ba), Hex(0x9fa4a8), Hex(0xb98d5c)},
		Inks:    []Colour{Hex(0x1d1d20), Hex(0x24356b)},
		Defects: Defects{
			Scratch:   metalScratch(),
			Dent:      Dent{Radius: Range{0.17, 0.26}, Depth: Range{0.09, 0.14}, Stretch: Range{1, 2}, Rim: 0.25},
			Stain:     oil(),
			Misprints: Misprints{Shifted: 1, Doubled: 2, Smeared: 1, Faded: 2},
		},
	}
}

func plates() Product {
	return Product{
		Name: "plate", Finish: Brushed, mould: newPlate,
		Colours: []Colour{Hex(0xb2b5b8), Hex(0x9a9ea3), Hex(0xc2a878)},
		Inks:    []Colour{Hex(0x17181a), Hex(0x7c1f1f), Hex(0x1f3f7c)},
		Defects: Defects{
			Scratch:   metalScratch(),
			Dent:      Dent{Radius: Range{0.16, 0.26}, Depth: Range{0.07, 0.11}, Stretch: Range{1, 2.5}, Rim: 0.3},
			Stain:     rust(),
			Misprints: Misprints{Shifted: 2, Doubled: 1, Smeared: 2, Faded: 1},
		},
	}
}

func boards() Product {
	return Product{
		Name: "board", Finish: Wood, mould: newBoard,
		Colours: []Colour{Hex(0xc79a5f), Hex(0xb07f4a), Hex(0xd9bb86)},
		Inks:    []Colour{Hex(0x2a170c), Hex(0x3a2110)},
		Defects: Defects{
			Scratch: Scratch{Length: Range{0.6, 1.3}, Width: Range{0.02, 0.03}, Depth: Range{0.025, 0.04},
				Bend: 0.06, Strokes: 2, Tint: Hex(0xf6ead0), Opacity: Range{0.75, 0.95}},
			Dent:      Dent{Radius: Range{0.19, 0.29}, Depth: Range{0.13, 0.19}, Stretch: Range{1, 2}, Rim: 0.2},
			Stain:     Stain{Radius: Range{0.26, 0.42}, Tints: []Colour{Hex(0x3a2a48), Hex(0x2a3542)}, Opacity: Range{0.6, 0.85}, Body: 0.25, Gloss: 0.1, Edge: 0.3, Rough: 0.3},
			Misprints: Misprints{Shifted: 1, Doubled: 1, Smeared: 0.5, Faded: 2},
		},
	}
}

func housings() Product {
	return Product{
		Name: "housing", Finish: Moulded, mould: newHousing,
		Colours: []Colour{Hex(0x55595f), Hex(0x60646a), Hex(0x4c525b)},
		Inks:    []Colour{Hex(0x141416)},
		Defects: Defects{
			Scratch: Scratch{Length: Range{0.6, 1.3}, Width: Range{0.02, 0.03}, Depth: Range{0.02, 0.035},
				Bend: 0.12, Strokes: 3, Tint: Hex(0xeceeef), Opacity: Range{0.7, 0.95}},
			Dent: Dent{Radius: Range{0.19, 0.29}, Depth: Range{0.12, 0.18}, Stretch: Range{1, 1.6}, Rim: 0.3},
			Stain: Stain{Radius: Range{0.3, 0.44}, Tints: []Colour{Hex(0xb98a4a), Hex(0xa8763a)},
				Opacity: Range{0.6, 0.85}, Body: 0.6, Gloss: 0.05, Edge: 0.3, Rough: 0.35},
			Misprints: Misprints{Shifted: 2, Doubled: 1, Smeared: 2, Faded: 1},
		},
	}
}

// metalScratch is a bright groove through brush marks.
func metalScratch() Scratch {
	return Scratch{Length: Range{0.6, 1.3}, Width: Range{0.019, 0.028}, Depth: Range{0.025, 0.04},
		Bend: 0.08, Strokes: 2, Tint: Hex(0xfdfdfb), Opacity: Range{0.75, 0.95}}
}

func rust() Stain {
	return Stain{Radius: Range{0.24, 0.4}, Tints: []Colour{Hex(0x8a4a20), Hex(0x7a3f1e), Hex(0x9a5a2a)},
		Opacity: Range{0.65, 0.9}, Body: 0.4, Gloss: 0.05, Edge: 0.3, Rough: 0.4}
}

func oil() Stain {
	return Stain{Radius: Range{0.25, 0.4}, Tints: []Colour{Hex(0x4a4534), Hex(0x3c3a36)},
		Opacity: Range{0.65, 0.9}, Body: 0.15, Gloss: 0.85, Edge: 0.1, Rough: 0.25}
}
