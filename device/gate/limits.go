package gate

import "time"

// Limits is how much a key may ask for. What was refused counts, too.
type Limits struct {
	PerMinute int // commands
	PerHour   int // retrains
}

// check counts what the audit holds of the key.
func (l Limits) check(a *Audit, key, verb string, now time.Time) error {
	commands, retrains := 0, 0
	err := a.since(key, now.Add(-time.Hour), func(e Entry) {
		if e.Time.After(now.Add(-time.Minute)) {
			commands++
		}
		if e.Verb == "retrain" && e.Code == ExitDone {
			retrains++
		}
	})
	switch {
	case err != nil:
		return exit(ExitAudit, "the audit cannot be read, so nothing was done: %w", err)
	case commands >= l.PerMinute:
		return exit(ExitLimit, "%d commands by key %s in a minute, at most %d are taken", commands, key, l.PerMinute)
	case verb == "retrain" && retrains >= l.PerHour:
		return exit(ExitLimit, "%d retrains by key %s in an hour, at most %d are taken", retrains, key, l.PerHour)
	}
	return nil
}
