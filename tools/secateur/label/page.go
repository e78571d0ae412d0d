package label

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/core/data"
)

// The page: no script, style or picture of it comes from anywhere else.
//
//go:embed page
var files embed.FS

// Page is the desk as a web page below a path that nobody can guess, for other accounts of the box and other pages in the
// operator's browser reach the same port.
type Page struct {
	Desk   *Desk
	Box    string // its name
	On     func(Event)
	Prefix string // "/…/"
}

// Event is something that somebody did on the page.
type Event struct {
	Event string `json:"event"` // label, undo
	File  string `json:"file"`
	Label
}

// NewPage is a page of a desk; on is told of what is done there.
func NewPage(d *Desk, box string, on func(Event)) *Page {
	return &Page{Desk: d, Box: box, On: on, Prefix: "/" + rand.Text() + "/"}
}

// Handler answers the page's requests.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	static, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // it is embedded
	}
	mux.Handle("GET /", http.FileServerFS(static))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, static, map[bool]string{true: "boxes.html", false: "classes.html"}[p.Desk.Detector])
	})
	mux.HandleFunc("GET /state", p.state)
	mux.HandleFunc("GET /picture/{file}", p.picture)
	mux.HandleFunc("GET /found/{file}", p.found)
	mux.HandleFunc("POST /give", p.give)
	mux.HandleFunc("POST /undo", p.undo)
	own := http.NewCrossOriginProtection().Handler(http.StripPrefix(strings.TrimSuffix(p.Prefix, "/"), mux))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, p.Prefix) {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		own.ServeHTTP(w, r)
	})
}

// state is what the page shows.
type state struct {
	Box     string    `json:"box"`
	Classes []string  `json:"classes"`
	Golden  bool      `json:"golden"` // pictures can be given to a golden set
	Given   int       `json:"given"`
	Waits   int       `json:"waits"`   // pictures
	Waiting []Picture `json:"waiting"` // the oldest of them
}

// shown bounds what the page is told of: it asks again after every picture.
const shown = 100

func (p *Page) state(w http.ResponseWriter, _ *http.Request) {
	list, err := p.Desk.Waiting()
	p.answer(w, state{p.Box, p.Desk.Classes, p.Desk.Golden != "", p.Desk.Given(), len(list), list[:min(shown, len(list))]}, err)
}

func (p *Page) picture(w http.ResponseWriter, r *http.Request) {
	b, err := p.Desk.take(r.PathValue("file"))
	if err != nil {
		p.answer(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", map[string]string{".jpg": "image/jpeg", ".png": "image/png"}[filepath.Ext(r.PathValue("file"))])
	w.Write(b)
}

func (p *Page) found(w http.ResponseWriter, r *http.Request) {
	f, err := p.Desk.Found(r.PathValue("file"))
	p.answer(w, f, err)
}

// mostRequest is the bytes of a label with as many boxes as a picture may have.
const mostRequest = 256 << 10

func (p *Page) give(w http.ResponseWriter, r *http.Request) {
	e := Event{Event: "label"}
	if err := json.NewDecoder(io.LimitReader(r.Body, mostRequest)).Decode(&e); err != nil {
		http.Error(w, "no request of the page", http.StatusBadRequest)
		return
	}
	e.Event = "label"
	err := p.Desk.Give(e.File, e.Label)
	if err == nil {
		p.On(e)
	}
	p.answer(w, e, err)
}

func (p *Page) undo(w http.ResponseWriter, _ *http.Request) {
	file, err := p.Desk.Undo()
	e := Event{Event: "undo", File: file}
	if err == nil && file != "" {
		p.On(e)
	}
	p.answer(w, e, err)
}

// answer writes a value, or an error as one line of text.
func (p *Page) answer(w http.ResponseWriter, v any, err error) {
	code := http.StatusInternalServerError
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
		return
	case errors.Is(err, ErrNotHere), errors.Is(err, os.ErrNotExist):
		code = http.StatusGone
	case errors.Is(err, ErrLabel), errors.Is(err, data.ErrUnusable):
		code = http.StatusUnprocessableEntity
	}
	http.Error(w, err.Error(), code)
}
