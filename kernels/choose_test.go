package kernels

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestSetsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Available() {
		checkComplete(t, s.Name, reflect.ValueOf(s))
		if seen[s.Name] {
			t.Errorf("set %q is listed twice", s.Name)
		}
		seen[s.Name] = true
	}
	if last := Available()[len(seen)-1].Name; last != "generic" {
		t.Errorf("last set is %q, want generic", last)
	}
}

// checkComplete looks for fields without a value, also in the groups of kernels.
func checkComplete(t *testing.T, set string, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Struct {
			checkComplete(t, set, v.Field(i))
		} else if v.Field(i).IsZero() {
			t.Errorf("set %q has no %s", set, v.Type().Field(i).Name)
		}
	}
}

func TestByName(t *testing.T) {
	for _, want := range Available() {
		if s, err := ByName(want.Name); err != nil || s.Name != want.Name {
			t.Errorf("ByName(%q) = %q, %v", want.Name, s.Name, err)
		}
	}
	_, err := ByName("mmx")
	if err == nil || !strings.Contains(err.Error(), `"mmx"`) || !strings.Contains(err.Error(), "generic") {
		t.Errorf("ByName of an unknown set says %v, want its name and those that exist", err)
	}
}

func TestDefault(t *testing.T) {
	t.Setenv(EnvSet, "")
	if s, err := Default(); err != nil || s.Name != Best().Name {
		t.Errorf("Default() = %q, %v, want the best, %q", s.Name, err, Best().Name)
	}
	t.Setenv(EnvSet, "generic")
	if s, err := Default(); err != nil || s.Name != "generic" {
		t.Errorf("Default() = %q, %v, want generic", s.Name, err)
	}
	t.Setenv(EnvSet, "mmx")
	if _, err := Default(); err == nil || !strings.Contains(err.Error(), EnvSet) {
		t.Errorf("Default() says %v, want the variable's name", err)
	}
}

func TestChoice(t *testing.T) {
	t.Setenv(EnvSet, "")
	name, reason, err := Choice()
	if err != nil || name != Best().Name || reason == "" || strings.Contains(reason, "\n") {
		t.Errorf("Choice() = %q, %q, %v, want %q and a line", name, reason, err, Best().Name)
	}
	t.Setenv(EnvSet, "generic")
	name, because, err := Choice()
	if want := "SECATEUR_KERNELS=generic, in place of " + Best().Name + ": " + reason; err != nil || name != "generic" || because != want {
		t.Errorf("Choice() = %q, %q, %v, want generic, %q", name, because, err, want)
	}
	t.Setenv(EnvSet, "mmx")
	if _, _, err := Choice(); err == nil || !strings.Contains(err.Error(), "want one of") {
		t.Errorf("Choice() says %v, want the sets there are", err)
	}
}

// TestExpected holds the choice against what whoever runs the tests knows about the CPU.
func TestExpected(t *testing.T) {
	const env = "SECATEUR_EXPECT_KERNELS"
	want := os.Getenv(env)
	if want == "" {
		t.Skip("skipped: " + env + " is not set")
	}
	name, reason, err := Choice()
	if err != nil || name != want {
		t.Errorf("%s=%s, but the set is %s (%s), error %v", env, want, name, reason, err)
	}
}
