package machine

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// endMark is what the guest writes when its programs are over, before their exit code.
const endMark = "machine: all ended with code "

// End says on the console how it went, and waits for the emulator to be stopped.
func End(code int) {
	fmt.Printf("%s%d\n", endMark, code)
	for {
		time.Sleep(time.Hour)
	}
}

// Follow copies the guest's console, a file, to w until End or the limit. ended tells of the
// emulator's own end.
func Follow(path string, w io.Writer, ended <-chan error, limit time.Duration) error {
	console, at := "", 0
	for start := time.Now(); time.Since(start) < limit; time.Sleep(200 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err == nil {
			console = strings.ReplaceAll(string(text), "\r", "")
		}
		io.WriteString(w, console[at:])
		at = len(console)
		if _, code, ok := strings.Cut(console, endMark); ok && strings.HasSuffix(code, "\n") {
			if code, _, _ = strings.Cut(code, "\n"); code != "0" {
				return fmt.Errorf("the tests ended with code %s", code)
			}
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the emulator ended before the tests: %v", err)
		default:
		}
	}
	return fmt.Errorf("no end after %v", limit)
}
