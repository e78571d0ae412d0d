// Package op holds the operators, one file each: attributes, shape rule, loop, gradient and
// channel ties stand together. Activations are N×H×W×C, convolution weights O×KH×KW×I.
package op
