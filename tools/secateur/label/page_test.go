package label

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/tools/internal/browser"
)

// served is the page of a desk, and what it tells of.
func served(t *testing.T, d *Desk) (url string, events *[]Event) {
	t.Helper()
	events = &[]Event{}
	p := NewPage(d, "station-3", func(e Event) { *events = append(*events, e) })
	s := httptest.NewServer(p.Handler())
	t.Cleanup(s.Close)
	return s.URL + p.Prefix, events
}

// TestPage gives classes by key and touch, in a browser: undo, later, the golden set, the end and what comes after it.
func TestPage(t *testing.T) {
	browser.Find(t)
	d := desk(t)
	all := waiting(t, d)
	url, events := served(t, d)
	p := browser.Open(t, url, 1200, 800)
	const count, file = `document.querySelector("#count").textContent`, `document.querySelector("#picture").dataset.file`
	p.Wait(count, "0 of 4 done · station-3")
	p.Wait(`document.querySelector("#picture").naturalWidth`, "64")
	p.Wait(`document.querySelector("button.says").dataset.name`, "bolt")
	shoot(t, p, "desk.png")
	p.Key("1")
	p.Wait(count, "1 of 4 done · station-3")
	p.Wait(file, all[1])
	p.Key("u")
	p.Wait(count, "0 of 4 done · station-3")
	p.Wait(file, all[0])
	p.Key(" ") // later
	p.Wait(file, all[1])
	p.Key("2")
	p.Wait(count, "1 of 4 done · station-3")
	p.Key("g")
	p.Wait(`document.querySelector("#golden").getAttribute("aria-pressed")`, "true")
	p.Tap(`#classes button:nth-child(3)`)
	p.Wait(count, "2 of 4 done · station-3")
	p.Key("g")
	p.Key("3")
	p.Wait(count, "3 of 4 done · station-3")
	p.Wait(file, all[0]) // the one for later
	os.Remove(filepath.Join(d.Pictures, all[0]))
	p.Key("1")
	p.Wait(`document.querySelector("#message").textContent`, "That picture made room for a newer one.")
	p.Wait(`document.querySelector("#figure").hidden`, "true")
	if want := []string{"nut/", "washer/"}; len(under(t, d.Set)) != 2 || !strings.HasPrefix(under(t, d.Set)[0], want[0]) || !strings.HasPrefix(under(t, d.Set)[1], want[1]) {
		t.Errorf("training data %q", under(t, d.Set))
	}
	if g, err := accept.Open(d.Golden); err != nil || len(g.Samples) != 4 {
		t.Errorf("golden set %v, %v", g, err)
	}
	draw(t, filepath.Join(d.Pictures, "000003-00000001-doubtful-nut.png"), 5) // it appears by itself
	p.Wait(file, "000003-00000001-doubtful-nut.png")
	var told []string
	for _, e := range *events {
		told = append(told, e.Event)
	}
	if want := []string{"label", "undo", "label", "label", "label"}; !slices.Equal(told, want) {
		t.Errorf("events %v, want %v", told, want)
	}
	for _, c := range p.Console() {
		if !strings.Contains(c, "410") { // the browser notes the answer to the picture that was gone
			t.Errorf("console: %s", c)
		}
	}
}

// TestPhone: on a phone nothing is wider than the screen, every button can be hit with a thumb, and the picture has the room
// that is left, with two classes and with twenty.
func TestPhone(t *testing.T) {
	browser.Find(t)
	for _, c := range []struct {
		name    string
		width   int
		classes string
	}{{"phone", 390, "bolt,nut,washer"}, {"many", 320, "a scratch that is longer than a button,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t"}} {
		d := desk(t)
		d.Classes = strings.Split(c.classes, ",")
		url, _ := served(t, d)
		p := browser.Open(t, url, c.width, 680)
		p.Wait(`document.querySelector("#picture").naturalWidth`, "64")
		p.Wait(`document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight`, "true")
		p.Wait(`[...document.querySelectorAll("button")].filter(b => b.getBoundingClientRect().height < 44 || b.scrollHeight > b.clientHeight + 1).length`, "0")
		p.Wait(`document.querySelector("#picture").getBoundingClientRect().height > 120`, "true")
		shoot(t, p, c.name+".png")
		p.Tap(`#classes button:nth-child(2)`)
		p.Wait(`state.given`, "1")
		p.Tap(`#undo`)
		p.Wait(`state.given`, "0")
		if len(p.Console()) > 0 {
			t.Errorf("console: %q", p.Console())
		}
	}
}

// shoot keeps what is seen where SECATEUR_SHOTS names a folder, to be looked at.
func shoot(t *testing.T, p *browser.Page, name string) {
	if dir := os.Getenv("SECATEUR_SHOTS"); dir != "" {
		p.Screenshot(filepath.Join(dir, name))
	}
}

// TestOnlyThisPage: without the path nothing is told, and another site's page in the same browser can change nothing.
func TestOnlyThisPage(t *testing.T) {
	d := desk(t)
	url, _ := served(t, d)
	root := url[:strings.Index(url[8:], "/")+9]
	ask := func(method, url, body string, header ...string) int {
		r, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		io.Copy(io.Discard, a.Body)
		return a.StatusCode
	}
	give := `{"file":"` + waiting(t, d)[0] + `","class":"bolt"}`
	for _, c := range []struct {
		method, url, body string
		want              int
		header            []string
	}{
		{"GET", root, "", 404, nil}, {"GET", root + "state", "", 404, nil}, {"GET", root + "AAAA/state", "", 404, nil},
		{"POST", url + "give", give, 403, []string{"Sec-Fetch-Site", "cross-site"}}, {"POST", url + "give", give, 403, []string{"Origin", "http://evil.example"}},
		{"POST", url + "give", "{", 400, nil}, {"GET", url + "give", give, 404, nil}, {"GET", url + "picture/..%2f..%2fetc%2fpasswd", "", 410, nil},
		{"POST", url + "give", `{"file":"../x","class":"bolt"}`, 410, nil}, {"POST", url + "give", strings.Replace(give, `"bolt"`, `"../bolt"`, 1), 422, nil},
		{"GET", url, "", 200, nil}, {"GET", url + "desk.js", "", 200, nil}, {"GET", url + "state", "", 200, nil},
	} {
		if got := ask(c.method, c.url, c.body, c.header...); got != c.want {
			t.Errorf("%s %s %v: %d, want %d", c.method, c.url, c.header, got, c.want)
		}
	}
	if len(waiting(t, d)) != 4 {
		t.Errorf("%q", waiting(t, d))
	}
	if got := ask("POST", url+"give", give); got != 200 || len(waiting(t, d)) != 3 {
		t.Errorf("the page itself: %d, %q", got, waiting(t, d))
	}
}
