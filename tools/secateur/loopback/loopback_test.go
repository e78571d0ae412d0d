package loopback

import (
	"errors"
	"testing"
)

func TestListenAlone(t *testing.T) {
	for _, a := range []string{":9464", "0.0.0.0:9464", "[::]:0", "192.0.2.1:80", "example.com:80", "9464", ""} {
		if l, err := Listen(a); !errors.Is(err, ErrAddress) {
			if l != nil {
				l.Close()
			}
			t.Errorf("%q: %v", a, err)
		}
	}
}
