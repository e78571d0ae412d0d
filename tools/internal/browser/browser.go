// Package browser lets tests use a page as a person does: a headless Chromium that is spoken to over a pipe by the DevTools
// protocol (https://chromedevtools.github.io/devtools-protocol/).
package browser

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Page is an open page.
type Page struct {
	t       testing.TB
	to      *os.File
	answers chan answer
	session string
	id      int
	console []string
}

type answer struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Params json.RawMessage `json:"params"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Find is the path of Chromium; where there is none the test is skipped.
func Find(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("short: no browser")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no chromium in PATH: apt-get install chromium")
	return ""
}

// Open shows a page in a window of so many pixels until the test ends. On a phone's width it is a phone's screen.
func Open(t testing.TB, url string, width, height int) *Page {
	t.Helper()
	p := &Page{t: t, answers: make(chan answer, 100)}
	p.start(Find(t))
	var target struct {
		TargetID string `json:"targetId"`
	}
	p.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	p.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	p.call("Emulation.setTouchEmulationEnabled", map[string]any{"enabled": width < 600}, nil)
	for _, domain := range []string{"Page.enable", "Runtime.enable", "Log.enable"} {
		p.call(domain, map[string]any{}, nil)
	}
	p.call("Page.navigate", map[string]any{"url": url}, nil)
	p.Wait(`document.readyState + (location.protocol === "about:")`, "completefalse")
	return p
}

// start runs Chromium with its two pipes, which are its files 3 and 4.
func (p *Page) start(chromium string) {
	in, to, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "browser-")
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir="+profile)
	cmd.ExtraFiles = []*os.File{in, out}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its helpers too end with the test
	if err := cmd.Start(); err != nil {
		p.t.Skipf("chromium does not run here: %v", err)
	}
	in.Close()
	out.Close()
	p.to = to
	go p.read(from)
	p.t.Cleanup(func() {
		to.Close()
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		from.Close()
		for range 50 { // a helper may write a last file
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// read hands on what Chromium says, a message up to each NUL.
func (p *Page) read(from *os.File) {
	defer close(p.answers)
	s := bufio.NewScanner(from)
	s.Buffer(nil, 64<<20)
	s.Split(func(data []byte, _ bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, 0); i >= 0 {
			return i + 1, data[:i], nil
		}
		return 0, nil, nil
	})
	for s.Scan() {
		var a answer
		if json.Unmarshal(s.Bytes(), &a) == nil {
			p.answers <- a
		}
	}
}

// call asks for something and waits for its answer.
func (p *Page) call(method string, params map[string]any, result any) {
	p.t.Helper()
	p.id++
	m := map[string]any{"id": p.id, "method": method, "params": params}
	if p.session != "" {
		m["sessionId"] = p.session
	}
	b, err := json.Marshal(m)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.to.Write(append(b, 0)); err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
	limit := time.After(30 * time.Second)
	for {
		select {
		case a, open := <-p.answers:
			switch {
			case !open:
				p.t.Fatalf("%s: chromium has ended", method)
			case a.ID == 0:
				p.heard(a)
			case a.Error != nil:
				p.t.Fatalf("%s: %s", method, a.Error.Message)
			case result != nil:
				if err := json.Unmarshal(a.Result, result); err != nil {
					p.t.Fatalf("%s: %v", method, err)
				}
				return
			default:
				return
			}
		case <-limit:
			p.t.Fatalf("%s: no answer", method)
		}
	}
}

func (p *Page) heard(a answer) {
	switch a.Method {
	case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded":
		p.console = append(p.console, string(a.Params))
	}
}

// Console is what the page has said there so far: errors, and requests that were refused.
func (p *Page) Console() []string { return p.console }

// Eval is the value of a JavaScript expression, as text.
func (p *Page) Eval(expression string) string {
	p.t.Helper()
	var r struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception any `json:"exceptionDetails"`
	}
	p.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.Exception != nil {
		p.t.Fatalf("%s: %v", expression, r.Exception)
	}
	return fmt.Sprint(r.Result.Value)
}

// Wait waits until an expression has a value.
func (p *Page) Wait(expression, want string) {
	p.t.Helper()
	got := ""
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got = p.Eval(expression); got == want {
			return
		}
	}
	p.t.Fatalf("%s is %q, want %q; console %s", expression, got, want, strings.Join(p.console, "\n"))
}

// Shift is a key that is held while another one is pressed.
const Shift = 8

// Key presses a key: a letter or digit, or a key's name like Backspace.
func (p *Page) Key(key string, held ...int) {
	p.t.Helper()
	down := map[string]any{"type": "keyDown", "key": key}
	for _, h := range held {
		down["modifiers"] = h
	}
	if len(key) == 1 {
		down["text"] = key
	}
	p.call("Input.dispatchKeyEvent", down, nil)
	p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key}, nil)
}

// Tap taps the middle of the element that a selector finds.
func (p *Page) Tap(selector string) {
	p.t.Helper()
	var at struct{ X, Y float64 }
	where := p.Eval(fmt.Sprintf(`(r => JSON.stringify({x: r.x + r.width / 2, y: r.y + r.height / 2}))(document.querySelector(%q).getBoundingClientRect())`, selector))
	if err := json.Unmarshal([]byte(where), &at); err != nil {
		p.t.Fatalf("%s: %v", selector, err)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		p.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// Drag presses the mouse at the first of some points of the window, goes on to the others, and lets go at the last.
func (p *Page) Drag(path ...[2]float64) {
	p.t.Helper()
	mouse := func(kind string, at [2]float64) {
		p.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at[0], "y": at[1], "button": "left", "buttons": 1, "clickCount": 1}, nil)
	}
	mouse("mousePressed", path[0])
	for _, at := range path[1:] {
		mouse("mouseMoved", at)
	}
	mouse("mouseReleased", path[len(path)-1])
}

// Touch puts fingers on points of the window (touchStart), moves them (touchMove), or lifts all (touchEnd, without a point).
func (p *Page) Touch(kind string, fingers ...[2]float64) {
	p.t.Helper()
	points := []map[string]any{}
	for i, at := range fingers {
		points = append(points, map[string]any{"x": at[0], "y": at[1], "id": i})
	}
	p.call("Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": points}, nil)
}

// Screenshot writes what is seen to a file.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	var r struct {
		Data string `json:"data"`
	}
	p.call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	b, err := base64.StdEncoding.DecodeString(r.Data)
	if err == nil {
		err = os.WriteFile(file, b, 0o644)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
