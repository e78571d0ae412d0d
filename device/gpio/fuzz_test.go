package gpio

import "testing"

// FuzzEvents decodes any bytes that a kernel might give: numbers only grow, and losses are the gaps.
func FuzzEvents(f *testing.F) {
	f.Add(make([]byte, 2*eventBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e events
		for ; len(b) >= eventBytes; b = b[eventBytes:] {
			before := e.number
			edge := e.decode(b[:eventBytes])
			if edge.Number < before || edge.Number > before && edge.Lost != edge.Number-before-1 {
				t.Fatalf("after edge %d comes %d, %d lost", before, edge.Number, edge.Lost)
			}
		}
	})
}
