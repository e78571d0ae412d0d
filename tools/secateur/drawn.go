package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/tools/secateur/draw"
)

// drawn is the folder of pictures with what was found in them; nil is none.
type drawn struct {
	dir  string
	used map[string]int // names
}

// newDrawn makes the folder.
func newDrawn(dir string) (*drawn, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("--draw: %w", err)
	}
	return &drawn{dir, map[string]int{}}, nil
}

// add draws one picture. A second one of the same name gets a number.
func (d *drawn) add(r *eval.Prediction) error {
	if d == nil {
		return nil
	}
	m, err := data.Decode(r.Image)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, draw.Boxes(m.Image(), r.Boxes)); err != nil {
		return err
	}
	base := filepath.Base(r.Image)
	name := strings.TrimSuffix(base, filepath.Ext(base))
	d.used[name]++
	if n := d.used[name]; n > 1 {
		name = fmt.Sprintf("%s-%d", name, n)
	}
	return durable.Write(filepath.Join(d.dir, name+".png"), b.Bytes())
}
