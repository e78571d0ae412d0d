package report

import (
	"context"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/tools/internal/browser"
)

// probe is put into a page under test: it tells the page around it how wide the content is and how
// many pictures did not load, and how many pieces of pictures have a size.
const probe = `<script>addEventListener("load", () => parent.postMessage([name, document.documentElement.scrollWidth,
	"pixels,", [...document.images].filter(i => !i.naturalWidth).length, "of", document.images.length, "pictures missing,", [...document.querySelectorAll("use")].filter(u => u.getBBox().width).length, "pieces shown"].join(" "), "*"))</script>`

// TestBrowser: Chromium shows every picture, nothing is wider than a phone or a desk, and the console
// stays empty.
func TestBrowser(t *testing.T) { fits(t, render(t, wide()), "0 of 18 pictures missing") }

// fits shows a page at the widths of phones and of a desk: nothing is wider, the console stays empty, and what the probe says
// of pictures is as wanted.
func fits(t *testing.T, page, pictures string) {
	t.Helper()
	chromium := browser.Find(t)
	page = html.EscapeString(probed(page))
	widths := []int{320, 390, 1200}
	var frames strings.Builder
	for _, w := range widths {
		fmt.Fprintf(&frames, `<iframe name="at %d:" style="border:0;height:900px;width:%dpx" srcdoc="%s"></iframe>`, w, w, page)
	}
	out := open(t, chromium, frames.String())
	for _, w := range widths {
		if want := fmt.Sprintf("at %d: %d pixels, %s", w, w, pictures); !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "CONSOLE") {
		t.Errorf("the console is not empty:\n%s", out)
	}
}

// probed is a page with the probe in it, and leave to run it.
func probed(page string) string {
	page = strings.Replace(page, "default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'", 1)
	return strings.Replace(page, "</head>", probe+"</head>", 1)
}

// open shows frames and returns what they and the console said, a line each. Frames have any width,
// windows of a headless Chromium do not.
func open(t *testing.T, chromium, frames string) string {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "frames.html")
	const listen = `<ul></ul><script>addEventListener("message", e => document.querySelector("ul").append("said: " + e.data + "\n"))</script>`
	if err := os.WriteFile(name, []byte(listen+frames), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
		"--user-data-dir="+dir, "--window-size=1400,900", "--virtual-time-budget=5000", "--dump-dom", "file://"+name).CombinedOutput()
	if err != nil {
		t.Skipf("chromium does not run here: %v", err)
	}
	return strings.Join(regexp.MustCompile(`said: at [^\n]*|[^\n]*CONSOLE[^\n]*`).FindAllString(string(out), -1), "\n")
}
