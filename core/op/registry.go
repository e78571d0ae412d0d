package op

import "github.com/secateur/secateur/core/graph"

// Kinds is every op that a model file may hold. Gradients, losses and what else training adds
// are made anew from these and never stored.
var Kinds = []graph.Op{
	Add{},
	AveragePool{},
	BatchNormalization{},
	Clip{},
	Concat{},
	Conv{},
	Depthwise{},
	Div{},
	Dropout{},
	Exp{},
	Gather{},
	Gemm{},
	GlobalAveragePool{},
	HardSigmoid{},
	HardSwish{},
	Identity{},
	LRN{},
	LeakyRelu{},
	Log{},
	LogSoftmax{},
	Max{},
	MaxPool{},
	Min{},
	Mul{},
	Neg{},
	PRelu{},
	Pad{},
	Rearrange{},
	ReduceMean{},
	Relu{},
	Reshape{},
	Resize{},
	Sigmoid{},
	Silu{},
	Slice{},
	Softmax{},
	Sub{},
	Tanh{},
	Transpose{},
}

// ByKind is the op of that kind without attributes.
func ByKind(kind string) (graph.Op, bool) {
	for _, o := range Kinds {
		if o.Kind() == kind {
			return o, true
		}
	}
	return nil, false
}
