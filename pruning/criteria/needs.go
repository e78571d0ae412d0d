package criteria

import "strings"

// Needs is what a criterion looks at beside the group itself: a set of matrices.
type Needs uint

// What criteria need. Gradients exist for the loss and for the logit margin (the true class's
// logit less the mean of the others), which is alive on a network that has fitted its data.
const (
	Weights         Needs = 1 << iota // of the group's own layers
	Activations                       // P: pooled activations
	LossGradients                     // Γ of the loss
	MarginGradients                   // Γ of the margin
	Relevance                         // R: layer-wise relevance
	Saliency                          // Grad-CAM weights
	MapRanks                          // effective ranks of the activation maps
	Overlaps                          // of strong activations with masks or boxes
	Moments                           // K: mean and covariance of what the consumers read
	Samples                           // of what each channel adds to its consumers' outputs
	Probing                           // runs of the network with units switched off
	Nothing         Needs = 0
)

var needNames = []string{"weights", "activations", "gradients of the loss", "gradients of the margin", "relevance", "saliency",
	"ranks of the maps", "masks or boxes", "channel moments", "samples of contributions", "runs of the network"}

// Images reports whether images are needed at all.
func (n Needs) Images() bool { return n&^Weights != 0 }

// Has reports whether all of other is needed.
func (n Needs) Has(other Needs) bool { return n&other == other }

// String lists them.
func (n Needs) String() string {
	var list []string
	for i, name := range needNames {
		if n.Has(1 << i) {
			list = append(list, name)
		}
	}
	if list == nil {
		return "nothing"
	}
	return strings.Join(list, ", ")
}
