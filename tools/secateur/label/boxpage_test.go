package label

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/tools/internal/browser"
)

// boxPage is the page of a desk with boxes, in a window of that size, once its first picture is on the board.
func boxPage(t *testing.T, d *Desk, width, height int) (*browser.Page, *[]Event) {
	t.Helper()
	url, events := served(t, d)
	p := browser.Open(t, url, width, height)
	p.Wait(`board.size.w`, "64")
	return p, events
}

// on is where a point of the picture is in the window.
func on(t *testing.T, p *browser.Page, x, y float64) (at [2]float64) {
	t.Helper()
	where := p.Eval(fmt.Sprintf(`(m => JSON.stringify([m.a * %v + m.e, m.d * %v + m.f]))(board.root.getScreenCTM())`, x, y))
	if err := json.Unmarshal([]byte(where), &at); err != nil {
		t.Fatal(err)
	}
	return at
}

// boxes are what is on the board: class, edges, score.
const onBoard = `board.boxes.map(b => [b.class, b.xmin, b.ymin, b.xmax, b.ymax, b.score || 0].join(" ")).join("; ")`

// drawnOn are the boxes of the pictures of a set, by a training's own reader.
func drawnOn(t *testing.T, d *Desk) (list []string) {
	t.Helper()
	s, err := data.OpenBoxes(d.Set, data.Options{Classes: d.Classes, Test: -1})
	if err != nil || len(s.Skipped) > 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, x := range slices.Concat(s.Train, s.Val) {
		list = append(list, fmt.Sprint(x.Boxes))
	}
	slices.Sort(list)
	return list
}

// TestBoxPage draws, moves, pulls, names and deletes boxes by mouse and key; what is saved is what a training reads.
func TestBoxPage(t *testing.T) {
	browser.Find(t)
	d := boxDesk(t)
	all := waiting(t, d)
	p, events := boxPage(t, d, 1280, 800)
	const count, message = `document.querySelector("#count").textContent`, `document.querySelector("#message").textContent`
	p.Wait(onBoard, "scratch 4.5 6 24 20 0.61; hole 40 30 50 40 0.4")
	shoot(t, p, "boxes-found.png")
	p.Drag(on(t, p, 45, 35)) // a click chooses
	p.Wait(`board.chosen`, "1")
	p.Drag(on(t, p, 45, 35), on(t, p, 40, 30), on(t, p, 35, 32)) // moves it
	p.Drag(on(t, p, 40, 37), on(t, p, 50, 46.4))                 // pulls a corner
	p.Wait(onBoard, "scratch 4.5 6 24 20 0.61; hole 30 27 50 46 0")
	p.Drag(on(t, p, 60, 44)) // beside all: none is chosen
	p.Wait(`board.chosen`, "-1")
	p.Key("2")
	p.Drag(on(t, p, 2, 30), on(t, p, 10, 40), on(t, p, 20.2, 60)) // draws, as far as the picture goes
	p.Wait(onBoard, "scratch 4.5 6 24 20 0.61; hole 30 27 50 46 0; scratch 2 30 20 48 0")
	shoot(t, p, "boxes-drawn.png")
	p.Key("n")
	p.Key("x")
	p.Wait(onBoard, "hole 30 27 50 46 0; scratch 2 30 20 48 0")
	p.Key("b") // by keys alone
	for range 3 {
		p.Key("ArrowLeft")
		p.Key("ArrowDown", browser.Shift)
	}
	p.Key("1")
	p.Wait(onBoard, "hole 30 27 50 46 0; scratch 2 30 20 48 0; hole 21 18 37 33 0")
	for range 4 { // closer, at the next box
		p.Key("+")
	}
	p.Key("n")
	p.Wait(`board.chosen + "," + (board.view.w < 30 && board.box.xmin >= board.view.x && board.box.xmax <= board.view.x + board.view.w && board.box.ymax <= board.view.y + board.view.h)`, "0,true")
	p.Key(" ") // a picture for later keeps what was drawn
	p.Wait(`board.boxes.length`, "0")
	p.Key(" ")
	p.Key(" ")
	p.Key(" ")
	p.Wait(`board.boxes.length`, "3")
	p.Key("Enter")
	p.Wait(count, "1 of 4 done · station-3")
	if got, want := drawnOn(t, d), "[{0 30 27 50 46} {1 2 30 20 48} {0 21 18 37 33}]"; len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %s", got, want)
	}
	p.Key("u")
	p.Wait(onBoard, "hole 30 27 50 46 0; scratch 2 30 20 48 0; hole 21 18 37 33 0")
	p.Key("Enter")
	p.Wait(`board.size.w + shown`, "64"+all[1])
	p.Wait(`document.querySelector("#save").textContent`, "Enter Nothing here")
	p.Key("g")
	p.Key("b")
	p.Tap("#save")
	p.Wait(count, "2 of 4 done · station-3")
	if g, err := accept.Open(d.Golden); err != nil || len(g.Samples) != 2 {
		t.Errorf("%+v, %v", g, err)
	}
	p.Wait(`board.size.w + shown`, "64"+all[2])
	p.Key("g")
	p.Eval(`board.boxes.push({class: "hole", xmin: 60, ymin: 0, xmax: 70, ymax: 9}), board.draw()`) // what the page itself cannot draw
	p.Key("Enter")
	p.Wait(message, "no such label: box 1 of 1: box 60,0 to 70,9 leaves the picture of 64×48")
	p.Wait(onBoard, "hole 60 0 70 9 0")
	if got := *events; len(got) != 4 || got[0].Event != "label" || len(got[0].Boxes) != 3 || got[1].Event != "undo" || !got[3].Golden {
		t.Errorf("%+v", got)
	}
	for _, c := range p.Console() {
		if !strings.Contains(c, "422") { // the browser notes the refusal
			t.Errorf("console: %s", c)
		}
	}
}

// TestBoxPhone: with a finger on a phone boxes are drawn, chosen, moved and pulled; two fingers look closer; nothing is wider than
// the screen, and every button can be hit with a thumb.
func TestBoxPhone(t *testing.T) {
	browser.Find(t)
	d := boxDesk(t)
	p, _ := boxPage(t, d, 390, 844)
	finger := func(path ...[2]float64) {
		p.Touch("touchStart", path[0])
		for _, at := range path[1:] {
			p.Touch("touchMove", at)
		}
		p.Touch("touchEnd")
	}
	p.Wait(onBoard, "scratch 4.5 6 24 20 0.61; hole 40 30 50 40 0.4")
	p.Wait(`document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight`, "true")
	p.Wait(`[...document.querySelectorAll("button")].filter(b => !b.hidden && (b.getBoundingClientRect().height < 44 || b.scrollHeight > b.clientHeight + 1)).length`, "0")
	p.Wait(`board.root.getBoundingClientRect().height > 250`, "true")
	finger(on(t, p, 45, 35))
	p.Tap("#delete")
	finger(on(t, p, 30, 25), on(t, p, 40, 30), on(t, p, 60, 45))
	p.Tap(`#classes button:nth-child(1)`)
	p.Wait(onBoard, "scratch 4.5 6 24 20 0.61; hole 30 25 60 45 0")
	finger(on(t, p, 45, 35), on(t, p, 40, 35), on(t, p, 38, 30))
	finger(on(t, p, 23, 20), on(t, p, 25, 22), on(t, p, 26, 24))
	p.Wait(onBoard, "scratch 4.5 6 24 20 0.61; hole 26 24 53 40 0")
	shoot(t, p, "boxes-phone.png")
	before := p.Eval(onBoard)
	a, b := on(t, p, 20, 24), on(t, p, 44, 24)
	p.Touch("touchStart", a)
	p.Touch("touchStart", a, b)
	p.Touch("touchMove", [2]float64{a[0] - 40, a[1]}, [2]float64{b[0] + 40, b[1]})
	p.Touch("touchEnd")
	p.Wait(`board.view.w < 50 && board.view.x > 0`, "true")
	p.Wait(onBoard, before)
	shoot(t, p, "boxes-closer.png")
	p.Tap("#save")
	p.Wait(`state.given`, "1")
	if got, want := drawnOn(t, d), "[{1 4.5 6 24 20} {0 26 24 53 40}]"; len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %s", got, want)
	}
	if len(p.Console()) > 0 {
		t.Errorf("console: %q", p.Console())
	}
}
