package thermal

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCelsius(t *testing.T) {
	root := t.TempDir()
	if c := Celsius(root); c != 0 {
		t.Errorf("without zones: %v", c)
	}
	for zone, text := range map[string]string{"thermal_zone0": "48300\n", "thermal_zone1": "51250\n", "thermal_zone2": "-274000\n", "thermal_zone3": "cold\n"} {
		dir := filepath.Join(root, "sys/class/thermal", zone)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "temp"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if c := Celsius(root); c != 51.25 {
		t.Errorf("Celsius() = %v, want 51.25", c)
	}
}
