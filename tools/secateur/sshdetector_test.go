package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/device/gate"
)

// detector gives the box a golden set with boxes and an untrained detector, puts pictures with boxes, and retrains it: one
// class alone is no data, good boxes go live.
func (b *remoteBox) detector(t *testing.T) {
	b.service(t, "models", "confirm") // whatever is on trial
	const golden = "/var/lib/secateur/golden"
	must(os.Rename(golden, golden+"-classes"))
	writeSquares(golden, 24, 77, nil)
	if _, err := accept.Seal(golden, true); err != nil {
		t.Fatal(err)
	}
	model := "/var/lib/secateur/untrained.secateur"
	must(checkpoint.SaveModel(model, untrainedFinder()))
	must(os.Chmod(model, 0o644))
	var staged struct{ Model struct{ Number int } }
	if r := b.service(t, "models", "--golden=", "stage", model, "--json"); json.Unmarshal([]byte(r.Stdout), &staged) != nil || staged.Model.Number == 0 {
		t.Fatalf("stage: %+v", r)
	}
	for _, args := range [][]string{{"activate", fmt.Sprint(staged.Model.Number)}, {"confirm"}} {
		if r := b.service(t, append([]string{"models", "--golden="}, args...)...); r.Code != 0 {
			t.Fatalf("models %s: %+v", args, r)
		}
	}
	for set, label := range map[string]func(int, labelled) labelled{"boxes": nil, "red": redOnly} {
		if r := b.remote("loader", "127.0.0.1", "put", "set="+set, boxFolder(t, label)); r.Code != 0 || !strings.Contains(r.Stdout, `"images":32`) {
			t.Fatalf("put: %+v", r)
		}
	}
	live := b.live(t)
	if r := b.follow(t, "set=red", "epochs=15"); r.Code != gate.ExitData || b.live(t) != live {
		t.Errorf("one class alone: live %d, %+v", b.live(t), r)
	}
	r := b.follow(t, "set=boxes", "epochs=15")
	if r.Code != 0 || b.live(t) <= live || !strings.Contains(r.Stdout, `"detector":true`) {
		t.Fatalf("live %d, %+v", b.live(t), r)
	}
	t.Logf("a detector, retrained over SSH: %s", lastLine(r.Stderr))
}

// boxFolder is a folder of pictures with boxes as put sends it: DIR/images/* and DIR/boxes.csv.
func boxFolder(t *testing.T, label func(int, labelled) labelled) string {
	t.Helper()
	dir := t.TempDir()
	images := filepath.Join(dir, "images")
	writeSquares(images, 32, 5, label)
	must(os.Rename(filepath.Join(images, "boxes.csv"), filepath.Join(dir, "boxes.csv")))
	return dir
}
