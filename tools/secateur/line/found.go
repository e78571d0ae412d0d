package line

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/device/durable"
)

// Found is the boxes of a kept picture, of a detector: those that it told of, or those that somebody has drawn. It lies
// beside the picture, and comes and goes with it.
type Found struct {
	Boxes []Box `json:"boxes"`
}

// foundExt is the extension of a file of boxes.
const foundExt = ".json"

// FoundName is the name of the file with the boxes of a kept picture.
func FoundName(picture string) string { return stem(picture) + foundExt }

// stem is what a picture and its boxes have in common.
func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }

// file is the boxes of a kept picture as they are written.
func (f Found) file(picture string) durable.Named {
	b, err := json.Marshal(f)
	if err != nil {
		panic(err) // scores and edges are numbers
	}
	return durable.Named{Name: FoundName(picture), Data: append(b, '\n')}
}

// Write puts the boxes beside a kept picture of that folder.
func (f Found) Write(dir, picture string) error {
	n := f.file(picture)
	return durable.Write(filepath.Join(dir, n.Name), n.Data)
}

// ReadFound is the boxes beside a kept picture of that folder, none where there are none.
func ReadFound(dir, picture string) (f Found, err error) {
	b, err := os.ReadFile(filepath.Join(dir, FoundName(picture)))
	if errors.Is(err, fs.ErrNotExist) {
		return Found{}, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return Found{}, fmt.Errorf("boxes of %s: %w", picture, err)
	}
	return f, nil
}
