package firmwareconfig

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lineMap says on which line of a TOML text each key stands.
type lineMap map[string]int

// of is the line of a key, or of the table it would stand in, 0 if neither is there.
func (m lineMap) of(key string) int {
	for key != "" {
		if n, ok := m[key]; ok {
			return n
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}

// at is the key on a line, "" if there is none.
func (m lineMap) at(line int) string {
	best := ""
	for key, n := range m {
		if n == line && len(key) > len(best) {
			best = key
		}
	}
	return best
}

// keyLines reads the lines of all keys. Tables of an array are key[0], key[1], …
func keyLines(text []byte) lineMap {
	m := lineMap{}
	eachKey(text, func(key string, line int, _ unstable.Kind) { m[key] = line })
	return m
}

// bareNumbers are the keys that want a time or a size and have a number without a unit, which the decoder would take.
func bareNumbers(name string, text []byte) (errs []error) {
	eachKey(text, func(key string, line int, kind unstable.Kind) {
		if want := wanted(key); (kind == unstable.Integer || kind == unstable.Float) && strings.Contains(want, " like ") {
			errs = append(errs, &FieldError{name, line, key, fmt.Sprintf("found %s, want %s", value(text, line), want)})
		}
	})
	return errs
}

// eachKey calls f for every table and key of a text, with its line and what kind of value it has.
func eachKey(text []byte, f func(key string, line int, value unstable.Kind)) {
	count, table := map[string]int{}, ""
	var p unstable.Parser
	p.Reset(text)
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			table = dotted(e.Key())
			f(table, keyLine(&p, e), unstable.Invalid)
		case unstable.ArrayTable:
			name := dotted(e.Key())
			table = fmt.Sprintf("%s[%d]", name, count[name])
			count[name]++
			f(table, keyLine(&p, e), unstable.Invalid)
		case unstable.KeyValue:
			f(strings.TrimPrefix(table+"."+dotted(e.Key()), "."), keyLine(&p, e), e.Value().Kind)
		}
	}
}

func dotted(it unstable.Iterator) string {
	var parts []string
	for it.Next() {
		parts = append(parts, string(it.Node().Data))
	}
	return strings.Join(parts, ".")
}

func keyLine(p *unstable.Parser, e *unstable.Node) int {
	it := e.Key()
	if !it.Next() {
		return 0
	}
	return p.Shape(it.Node().Raw).Start.Line
}
