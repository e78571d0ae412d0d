package slot

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain is also the process that TestKill kills: it changes models for ever.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SECATEUR_SLOT_CHURN"); dir != "" {
		if err := churn(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// churn stages, activates and confirms or rolls back without end.
func churn(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if _, _, err := s.Start(); err != nil {
			return err
		}
		m, err := s.Stage(strings.NewReader(strings.Repeat("model ", 10_000)), About{Name: "churn"})
		if err != nil {
			return err
		}
		if st, _, err := s.State(); err == nil && st.Trial != nil {
			if err := s.Confirm(); err != nil {
				return err
			}
		}
		if err := s.Activate(m.Number); err != nil {
			return err
		}
		if i%2 == 0 {
			err = s.Confirm()
		} else {
			_, err = s.Rollback("every other")
		}
		if err != nil {
			return err
		}
	}
}

// TestKill kills a process that changes models at random moments (SECATEUR_KILLS times, 20 without): there is always
// one whole live model, and the next process goes on.
func TestKill(t *testing.T) {
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("SECATEUR_KILLS")); err == nil {
		kills = n
	}
	s := line(t)
	for range kills {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "SECATEUR_SLOT_CHURN="+s.dir)
		var said strings.Builder
		c.Stderr = &said
		do(t, c.Start())
		time.Sleep(time.Duration(20+rand.IntN(80)) * time.Millisecond)
		c.Process.Kill()
		c.Wait()
		if said.Len() > 0 {
			t.Fatalf("the process says: %s", said.String())
		}
		if _, err := s.Live(); err != nil {
			t.Fatal(err)
		}
		if _, warnings, err := s.State(); err != nil || len(warnings) > 0 {
			t.Fatalf("state: %v, warnings %q", err, warnings)
		}
	}
	st, _, err := s.State()
	do(t, err)
	if st.Last < 4 {
		t.Errorf("the killed processes staged nothing: last model %d", st.Last)
	}
}
