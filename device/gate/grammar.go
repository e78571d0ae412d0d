package gate

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Scope is a kind of permission that a key has.
type Scope string

// The scopes. Look is every key's.
const (
	Look    Scope = "look"
	Upload  Scope = "upload"
	Train   Scope = "train"
	Promote Scope = "promote"
)

// Bounds of a line.
const (
	maxBytes = 512
	maxWords = 8
)

// Request is a parsed line. Values has only keys of the verb's grammar, each with a value of its pattern.
type Request struct {
	Verb   string
	Values map[string]string
}

// Int is a value that its pattern makes a number; 0 where there is none.
func (r Request) Int(key string) int {
	n, _ := strconv.Atoi(r.Values[key])
	return n
}

// Patterns of values. None holds a space, a slash, a quote or a leading dash or dot.
var (
	name   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	number = regexp.MustCompile(`^[0-9]{1,9}$`)
	yes    = regexp.MustCompile(`^(yes|no)$`)
	budget = regexp.MustCompile(`^(macs|params|latency|memory|bytes)=[0-9]{1,6}(\.[0-9]{1,4})?(ms|us|s|k|M|MB|MiB|kB|KiB)?$`)
)

// rule is the grammar of one verb.
type rule struct {
	scope  Scope
	wanted []string
	values map[string]*regexp.Regexp
}

var grammar = map[string]rule{
	"retrain": {Train, nil, map[string]*regexp.Regexp{"set": name, "prune": name, "keep": budget, "epochs": number, "shots": number,
		"seed": number, "follow": yes}},
	"status":   {Look, nil, nil},
	"logs":     {Look, nil, map[string]*regexp.Regexp{"job": number, "follow": yes}},
	"cancel":   {Train, []string{"job"}, map[string]*regexp.Regexp{"job": number}},
	"models":   {Look, nil, nil},
	"promote":  {Promote, []string{"model"}, map[string]*regexp.Regexp{"model": number}},
	"confirm":  {Promote, nil, nil},
	"rollback": {Promote, nil, nil},
	"put":      {Upload, []string{"set"}, map[string]*regexp.Regexp{"set": name}},
	"doctor":   {Look, nil, nil},
}

// Verbs are the words that a line may begin with.
func Verbs() []string { return slices.Sorted(maps.Keys(grammar)) }

// Parse reads a line: a verb, then key=value words in any order, ASCII, single spaces, no quoting, no repeats. An
// error has the code ExitRefused and repeats nothing of the line.
func Parse(line string) (Request, error) {
	if err := printable(line); err != nil {
		return Request{}, err
	}
	words := strings.Split(line, " ")
	if len(words) > maxWords {
		return Request{}, exit(ExitRefused, "%d words, at most %d are taken", len(words), maxWords)
	}
	rule, ok := grammar[words[0]]
	if !ok {
		return Request{}, exit(ExitRefused, "unknown verb; known are %s", strings.Join(Verbs(), ", "))
	}
	r := Request{words[0], map[string]string{}}
	for i, w := range words[1:] {
		if err := rule.value(&r, w, i+2); err != nil {
			return Request{}, err
		}
	}
	for _, k := range rule.wanted {
		if _, ok := r.Values[k]; !ok {
			return Request{}, exit(ExitRefused, "%s wants %s=", r.Verb, k)
		}
	}
	return r, nil
}

func printable(line string) error {
	if len(line) > maxBytes {
		return exit(ExitRefused, "%d bytes, at most %d are taken", len(line), maxBytes)
	}
	for i := range len(line) {
		if c := line[i]; c < ' ' || c > '~' {
			return exit(ExitRefused, "byte %d is not printable ASCII", i+1)
		}
	}
	return nil
}

// mostValue bounds a value. Its pattern does not: one that counts to 64 takes milliseconds to compile, at every start.
const mostValue = 64

// value adds word number at.
func (r rule) value(to *Request, word string, at int) error {
	key, value, ok := strings.Cut(word, "=")
	pattern := r.values[key]
	switch {
	case !ok || pattern == nil:
		return exit(ExitRefused, "word %d is no key=value that %s knows; it knows %s", at, to.Verb, strings.Join(slices.Sorted(maps.Keys(r.values)), ", "))
	case len(value) > mostValue || !pattern.MatchString(value):
		return exit(ExitRefused, "the value of %s is not of its form", key)
	}
	if _, twice := to.Values[key]; twice {
		return exit(ExitRefused, "%s is there twice", key)
	}
	to.Values[key] = value
	return nil
}

// maxQuoted is what of a line an audit keeps.
const maxQuoted = 200

// quoted is a line for the audit: cut, and without a byte that a terminal could act on.
func quoted(line string) string {
	if len(line) > maxQuoted {
		line = line[:maxQuoted]
	}
	return strings.Trim(strconv.QuoteToASCII(line), `"`)
}
