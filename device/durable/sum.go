package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// Sum is the sha256 of a file's bytes, in hexadecimal.
func Sum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
