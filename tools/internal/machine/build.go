package machine

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Command runs a program; what it says is part of the error.
func Command(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// GoBuild runs the go command for a static Linux program.
func GoBuild(arch string, args ...string) error {
	return Command("env", append([]string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "go"}, args...)...)
}

// Settings is the variables of the environment that are ours.
func Settings() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return !strings.HasPrefix(v, "SECATEUR_") })
}

// CopyFile copies a file.
func CopyFile(dst, src string) error {
	data, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	return os.WriteFile(dst, data, 0o644)
}
