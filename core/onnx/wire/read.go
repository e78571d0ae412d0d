package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Read reads the model file at path. Tensors with external data stay unread until their
// values are asked for.
func Read(path string) (*Model, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read onnx model: %w", err)
	}
	m, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("read onnx model %s: %w", path, err)
	}
	return m, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > MaxFileBytes:
		return nil, fmt.Errorf("%s has %d bytes, at most %d allowed", path, info.Size(), MaxFileBytes)
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// Parse reads a model from the bytes of its file. The tensors of the result point into b, which
// must not change as long as they are used.
func Parse(b []byte) (*Model, error) {
	if len(b) == 0 {
		return nil, errors.New("file is empty")
	}
	if len(b) > MaxFileBytes {
		return nil, fmt.Errorf("model has %d bytes, at most %d allowed", len(b), MaxFileBytes)
	}
	m := &Model{Opsets: map[string]int64{}}
	if err := walk(b, m.field); err != nil {
		return nil, err
	}
	if m.Graph == nil {
		return nil, errors.New("no graph in it: not an onnx model")
	}
	if len(m.Opsets) == 0 && m.IRVersion >= 3 {
		return nil, errors.New("no opset in it: cut short or damaged")
	}
	return m, nil
}

// Fields of ModelProto.
const (
	modelIRVersion       = 1
	modelProducerName    = 2
	modelProducerVersion = 3
	modelDomain          = 4
	modelVersion         = 5
	modelDocString       = 6
	modelGraph           = 7
	modelOpsets          = 8
	modelMetadata        = 14
)

func (m *Model) field(f field) (err error) {
	switch f.num {
	case modelIRVersion:
		m.IRVersion, err = f.int()
	case modelProducerName:
		m.ProducerName, err = f.name()
	case modelProducerVersion:
		m.ProducerVersion, err = f.name()
	case modelDomain:
		m.Domain, err = f.name()
	case modelVersion:
		m.ModelVersion, err = f.int()
	case modelDocString:
		m.DocString, err = f.text()
	case modelGraph:
		err = m.graph(f)
	case modelOpsets:
		err = m.opset(f)
	case modelMetadata:
		m.Metadata, err = appendKV(m.Metadata, f)
	}
	return err
}

// graph reads the graph; one that comes in two parts is merged, as protobuf wants it.
func (m *Model) graph(f field) error {
	if m.Graph == nil {
		m.Graph = &Graph{}
	}
	r := graphReader{Graph: m.Graph}
	if err := f.message(r.field); err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	return nil
}

// Fields of OperatorSetIdProto.
const (
	opsetDomain  = 1
	opsetVersion = 2
)

func (m *Model) opset(f field) error {
	var domain string
	var version int64
	err := f.message(func(f field) (err error) {
		switch f.num {
		case opsetDomain:
			domain, err = f.name()
		case opsetVersion:
			version, err = f.int()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("opset: %w", err)
	}
	domain = plainDomain(domain)
	if v, ok := m.Opsets[domain]; ok && v != version {
		return fmt.Errorf("opset of domain %q is both %d and %d", domain, v, version)
	}
	m.Opsets[domain] = version
	return nil
}

// plainDomain maps the two names of the default operator domain to one.
func plainDomain(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

// Fields of StringStringEntryProto.
const (
	kvKey   = 1
	kvValue = 2
)

func appendKV(list []KV, f field) ([]KV, error) {
	if len(list) == MaxNodes {
		return nil, fmt.Errorf("more than %d key-value entries", MaxNodes)
	}
	var kv KV
	err := f.message(func(f field) (err error) {
		switch f.num {
		case kvKey:
			kv.Key, err = f.name()
		case kvValue:
			kv.Value, err = f.text()
		}
		return err
	})
	return append(list, kv), err
}
