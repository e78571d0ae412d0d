package zoo

import (
	_ "embed"
	"fmt"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/graph"
)

// model is Compact trained on the source line: `make zoo` makes it again (README.md says how long
// it took, with which seed, and what it reached).
//
//go:embed model.secateur
var model []byte

// Model is the embedded network, pretrained on the source line of package line.
func Model() (*graph.Graph, error) {
	f, err := checkpoint.Decode(model)
	if err != nil {
		return nil, fmt.Errorf("embedded model: %w", err)
	}
	return f.Graph()
}

// File is the embedded network as the bytes of a model file.
func File() []byte { return model }
