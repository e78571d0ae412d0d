package line

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	sampleRule = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"\})? (\S+)$`)
	helpRule   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (?:[^\\]|\\\\|\\n)*$`)
	typeRule   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$`)
)

// parsePage reads the text format 0.0.4 strictly: HELP and TYPE once and before the samples of a name, which stand
// together; no sample twice; a counter ends in _total and is not negative; the page ends with a line's end.
func parsePage(page string) (map[string]float64, error) {
	if !strings.HasSuffix(page, "\n") {
		return nil, errors.New("no end of line at the end")
	}
	all, kind, seen := map[string]float64{}, map[string]string{}, map[string]bool{}
	now, helped := "", ""
	for i, l := range strings.Split(strings.TrimSuffix(page, "\n"), "\n") {
		bad := func(what string) (map[string]float64, error) { return nil, fmt.Errorf("line %d, %q: %s", i+1, l, what) }
		if m := helpRule.FindStringSubmatch(l); m != nil {
			if seen[m[1]] {
				return bad("a name a second time")
			}
			helped, seen[m[1]] = m[1], true
			continue
		}
		if m := typeRule.FindStringSubmatch(l); m != nil {
			if m[1] != helped || kind[m[1]] != "" {
				return bad("TYPE without its HELP")
			}
			now, kind[m[1]] = m[1], m[2]
			continue
		}
		m := sampleRule.FindStringSubmatch(l)
		if m == nil {
			return bad("no sample")
		}
		v, err := strconv.ParseFloat(m[3], 64)
		_, twice := all[m[1]+m[2]]
		switch {
		case err != nil || math.IsNaN(v):
			return bad("no value")
		case m[1] != now:
			return bad("a sample away from its TYPE")
		case twice:
			return bad("a sample twice")
		case kind[now] == "counter" && (v < 0 || !strings.HasSuffix(now, "_total")):
			return bad("no counter")
		}
		all[m[1]+m[2]] = v
	}
	return all, nil
}

func TestMetrics(t *testing.T) {
	s := httptest.NewServer(MetricsPage(func() []Metric {
		return append(Metrics(Summary{Stats: Stats{Judged: 7, Late: 2, P99: 12.5}, MQTT: &Sent{Lost: 3}}, 0.125, true, 9),
			Metric{"hostile", "a\\b\nc", "gauge", Label("x", "\"\\\n{}"), 1e-9})
	}))
	defer s.Close()
	r, err := http.Get(s.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatal(err, r.Header)
	}
	got, err := parsePage(string(page))
	if err != nil {
		t.Fatalf("%v\n%s", err, page)
	}
	for name, want := range map[string]float64{`secateur_parts_total{outcome="judged"}`: 7, `secateur_parts_total{outcome="late"}`: 2,
		`secateur_latency_seconds{quantile="0.99"}`: 0.0125, "secateur_drift_index": 0.125, "secateur_drift_alarm": 1, "secateur_model_number": 9, "secateur_mqtt_lost_total": 3} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
}

func TestStrictParser(t *testing.T) {
	for _, page := range []string{"a 1", "a 1\n", "# HELP a x\n# TYPE a counter\na 1\n", "# HELP a x\n# TYPE a gauge\na 1\na 2\n",
		"# HELP a x\n# TYPE a gauge\na{b=\"\"\"} 1\n", "# HELP a x\n# TYPE b gauge\nb 1\n"} {
		if _, err := parsePage(page); err == nil {
			t.Errorf("%q is taken", page)
		}
	}
}
