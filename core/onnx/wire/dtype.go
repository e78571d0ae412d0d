package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// DType is the element type of a tensor, TensorProto.DataType.
type DType int32

const (
	Undefined DType = 0
	Float     DType = 1
	Uint8     DType = 2
	Int8      DType = 3
	Uint16    DType = 4
	Int16     DType = 5
	Int32     DType = 6
	Int64     DType = 7
	String    DType = 8
	Bool      DType = 9
	Float16   DType = 10
	Double    DType = 11
	Uint32    DType = 12
	Uint64    DType = 13
	BFloat16  DType = 16
)

// dtypes says of each type that can be read: its ONNX name, bytes an element in raw data, and
// the field of TensorProto that holds it as typed data.
var dtypes = map[DType]struct {
	name  string
	bytes int
	field protowire.Number
}{
	Float:    {"FLOAT", 4, tensorFloats},
	Uint8:    {"UINT8", 1, tensorInt32s},
	Int8:     {"INT8", 1, tensorInt32s},
	Uint16:   {"UINT16", 2, tensorInt32s},
	Int16:    {"INT16", 2, tensorInt32s},
	Int32:    {"INT32", 4, tensorInt32s},
	Int64:    {"INT64", 8, tensorInt64s},
	Bool:     {"BOOL", 1, tensorInt32s},
	Float16:  {"FLOAT16", 2, tensorInt32s},
	Double:   {"DOUBLE", 8, tensorDoubles},
	Uint32:   {"UINT32", 4, tensorUint64s},
	Uint64:   {"UINT64", 8, tensorUint64s},
	BFloat16: {"BFLOAT16", 2, tensorInt32s},
}

// String is the name that ONNX gives the type, as in FLOAT16.
func (d DType) String() string {
	switch {
	case d == String:
		return "STRING"
	case d == Undefined:
		return "UNDEFINED"
	case dtypes[d].name == "":
		return fmt.Sprintf("data type %d", int32(d))
	}
	return dtypes[d].name
}

// Bytes is the size of one element in raw data, 0 for a type that cannot be read.
func (d DType) Bytes() int { return dtypes[d].bytes }
