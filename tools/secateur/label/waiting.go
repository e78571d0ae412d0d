package label

import (
	"fmt"
	"os"
	"slices"

	"github.com/secateur/secateur/tools/secateur/line"
)

// Picture is one that waits for a label.
type Picture struct {
	File string `json:"file"`           // name in the folder of pictures
	Why  string `json:"why"`            // doubtful, reject, pass
	Says string `json:"says,omitempty"` // the model
	Part uint64 `json:"part"`
	run  uint64
}

// Waiting are the pictures of a folder that `run` keeps, of those reasons, oldest first.
func Waiting(dir string, why ...string) ([]Picture, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("pictures: %w", err)
	}
	var list []Picture
	for _, e := range names { // sorted by name: by run and part
		n, ok := line.ParseName(e.Name())
		if ok && e.Type().IsRegular() && slices.Contains(why, n.Why) {
			list = append(list, Picture{e.Name(), n.Why, n.Says, n.Part, n.Run})
		}
	}
	return list, nil
}
