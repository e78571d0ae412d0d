package data

import (
	"errors"
	"fmt"
)

// ErrUnusable marks every error that says the data cannot be trained on or measured with as it
// is: errors.Is(err, ErrUnusable) is exit code 3 of the program.
var ErrUnusable = errors.New("data unusable")

// unusable is an error that reads as its format says and matches ErrUnusable.
func unusable(format string, args ...any) error {
	return &dataError{fmt.Errorf(format, args...)}
}

type dataError struct{ err error }

func (e *dataError) Error() string   { return e.err.Error() }
func (e *dataError) Unwrap() []error { return []error{e.err, ErrUnusable} }
