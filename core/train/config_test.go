package train

import (
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/internal/toy"
)

// smallConfig adapts smallNet to 8 pictures a class, with 4 to watch and 4 to test on.
func smallConfig(t testing.TB) Config {
	t.Helper()
	c := Defaults()
	c.Model, c.Env = toy.SmallNet("x", "y"), toy.Env(t)
	c.Data = &data.Splits{Classes: toy.Classes, Train: toy.Pictures(t, toy.Folder(t, "train"), 8, 60), Val: toy.Pictures(t, toy.Folder(t, "val"), 4, 60),
		Test: toy.Pictures(t, toy.Folder(t, "test"), 4, 60)}
	c.HeadSteps, c.Epochs = 5, 3
	return c
}

// fed gives a tuner the first batch of an epoch and returns the number of its pictures.
func fed(t testing.TB, u *tuner) int {
	t.Helper()
	u.loader.Epoch(0, 0, true)
	n, err := u.loader.Next(&u.batch)
	if err != nil {
		t.Fatal(err)
	}
	u.feed(0, n)
	return n
}
