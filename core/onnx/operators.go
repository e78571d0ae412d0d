package onnx

import "github.com/secateur/secateur/core/op"

// operators is every ONNX operator that Import knows. It is filled in here and nowhere else.
var operators = map[string]operator{
	// A window over the image.
	"Conv":              {min: 2, max: 3, run: conv},
	"MaxPool":           {min: 1, max: 1, run: maxPool},
	"AveragePool":       {min: 1, max: 1, run: averagePool},
	"GlobalAveragePool": {min: 1, max: 1, run: globalAveragePool},
	"GlobalMaxPool":     {min: 1, max: 1, run: globalMaxPool},
	"Resize":            {min: 1, max: 4, run: resize},
	"Upsample":          {min: 1, max: 2, run: upsample},
	"Pad":               {min: 1, max: 4, run: padded},

	// Matrices.
	"Gemm":   {min: 2, max: 3, run: gemm},
	"MatMul": {min: 2, max: 2, run: matMul},

	// Normalization.
	"BatchNormalization": {min: 5, max: 5, run: batchNorm},
	"LRN":                {min: 1, max: 1, run: lrn},
	"Softmax":            {min: 1, max: 1, run: softmax(op.Softmax{})},
	"LogSoftmax":         {min: 1, max: 1, run: softmax(op.LogSoftmax{})},

	// One element at a time.
	"Relu":        {min: 1, max: 1, run: each(op.Relu{})},
	"Clip":        {min: 1, max: 3, run: clip},
	"LeakyRelu":   {min: 1, max: 1, run: leakyRelu},
	"PRelu":       {min: 2, max: 2, run: pRelu},
	"HardSwish":   {min: 1, max: 1, run: each(op.HardSwish{})},
	"HardSigmoid": {min: 1, max: 1, run: hardSigmoid},
	"Sigmoid":     {min: 1, max: 1, run: each(op.Sigmoid{})},
	"Tanh":        {min: 1, max: 1, run: each(op.Tanh{})},
	"Exp":         {min: 1, max: 1, run: each(op.Exp{}), fold: foldExp},
	"Log":         {min: 1, max: 1, run: each(op.Log{}), fold: foldLog},
	"Neg":         {min: 1, max: 1, run: each(op.Neg{}), fold: foldNeg},
	"Dropout":     {min: 1, max: 3, run: dropout},

	// Two tensors, broadcast.
	"Add": {min: 2, max: 2, run: binary(op.Add{}), fold: foldAdd},
	"Sub": {min: 2, max: 2, run: binary(op.Sub{}), fold: foldSub},
	"Mul": {min: 2, max: 2, run: binary(op.Mul{}), fold: foldMul},
	"Div": {min: 2, max: 2, run: binary(op.Div{}), fold: foldDiv},
	"Max": {min: 1, max: many, run: chain(op.Max{}), fold: foldMax},
	"Min": {min: 1, max: many, run: chain(op.Min{}), fold: foldMin},
	"Sum": {min: 1, max: many, run: chain(op.Add{}), fold: foldAdd},

	// Across tensors and axes.
	"Concat":     {min: 1, max: many, run: concat, fold: concatConst},
	"ReduceMean": {min: 1, max: 2, run: reduceMean},

	// Data movement, traced.
	"Identity":     {min: 1, max: 1, run: identity},
	"Reshape":      {min: 2, max: 2, run: traced(reshaped)},
	"Flatten":      {min: 1, max: 1, run: traced(flatten)},
	"Transpose":    {min: 1, max: 1, run: traced(transpose)},
	"Squeeze":      {min: 1, max: 2, run: traced(squeeze)},
	"Unsqueeze":    {min: 1, max: 2, run: traced(unsqueeze)},
	"Gather":       {min: 2, max: 2, run: traced(gather)},
	"Slice":        {min: 1, max: 5, run: traced(slice)},
	"Split":        {min: 1, max: 2, run: traced(split)},
	"Expand":       {min: 2, max: 2, run: traced(expand)},
	"DepthToSpace": {min: 1, max: 1, run: traced(depthToSpace)},
	"SpaceToDepth": {min: 1, max: 1, run: traced(spaceToDepth)},
	"Cast":         {min: 1, max: 1, run: cast},

	// Constants, folded away.
	"Constant":        {fold: constantNode},
	"ConstantOfShape": {min: 1, max: 1, fold: constantOfShape},
	"Shape":           {min: 1, max: 1, run: shapeOf},
	"Range":           {min: 3, max: 3, fold: rangeOf},
	"Floor":           {min: 1, max: 1, fold: foldFloor},
	"Ceil":            {min: 1, max: 1, fold: foldCeil},
	"Sqrt":            {min: 1, max: 1, fold: foldSqrt},
	"Equal":           {min: 2, max: 2, fold: equal},
	"Where":           {min: 3, max: 3, fold: where},
}
