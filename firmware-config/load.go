package firmwareconfig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// FieldError is one thing that is wrong in a configuration.
type FieldError struct {
	File string
	Line int    // 0: the key is not there
	Key  string // camera.width, key[1].public
	Msg  string
}

func (e *FieldError) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Key == "" {
		return fmt.Sprintf("%s: %s", where, e.Msg)
	}
	return fmt.Sprintf("%s: %s: %s", where, e.Key, e.Msg)
}

// Load reads config.toml. The error lists everything that is wrong, each a *FieldError.
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse is Load of a text; name stands in its errors.
func Parse(name string, text []byte) (*Config, error) {
	c := Default()
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, explain(name, text, err)
	}
	lines := keyLines(text)
	errs := bareNumbers(name, text)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, e := range c.check() {
		e.File, e.Line = name, lines.of(e.Key)
		errs = append(errs, e)
	}
	return &c, errors.Join(errs...)
}

// explain turns the decoder's errors, which speak of Go, into ours.
func explain(name string, text []byte, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		var errs []error
		for _, e := range strict.Errors {
			row, _ := e.Position()
			errs = append(errs, &FieldError{name, row, strings.Join(e.Key(), "."), "there is no such setting"})
		}
		return errors.Join(errs...)
	}
	var decode *toml.DecodeError
	if !errors.As(err, &decode) {
		return &FieldError{File: name, Msg: err.Error()}
	}
	row, _ := decode.Position()
	lines := keyLines(text)
	key := strings.Join(decode.Key(), ".")
	if key == "" {
		key = lines.at(row)
	}
	msg := strings.TrimPrefix(decode.Error(), "toml: ")
	if want := wanted(key); want != "" && !strings.Contains(msg, ", want one like") {
		if strings.Contains(msg, "firmwareconfig.") || strings.Contains(msg, "cannot") || strings.Contains(msg, "struct field") {
			msg = fmt.Sprintf("found %s, want %s", value(text, row), want)
		}
	}
	return &FieldError{name, row, key, msg}
}

// value is what stands behind the equals sign of a line.
func value(text []byte, row int) string {
	all := strings.Split(string(text), "\n")
	if row < 1 || row > len(all) {
		return "nothing"
	}
	_, v, _ := strings.Cut(all[row-1], "=")
	return strings.TrimSpace(v)
}

// wanted says what a key holds, "" where there is no such key.
func wanted(key string) string {
	t := reflect.TypeFor[Config]()
	for part := range strings.SplitSeq(key, ".") {
		part, _, _ = strings.Cut(part, "[")
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		found := false
		for i := 0; t.Kind() == reflect.Struct && i < t.NumField(); i++ {
			if t.Field(i).Tag.Get("toml") == part {
				t, found = t.Field(i).Type, true
				break
			}
		}
		if !found {
			return ""
		}
	}
	switch t {
	case reflect.TypeFor[Duration]():
		return `a time like "20ms"`
	case reflect.TypeFor[Bytes]():
		return `a size like "64MiB"`
	}
	return map[reflect.Kind]string{reflect.String: "text in quotes", reflect.Int: "a whole number", reflect.Float64: "a number", reflect.Bool: "true or false",
		reflect.Slice: "a list", reflect.Struct: "a table"}[t.Kind()]
}
