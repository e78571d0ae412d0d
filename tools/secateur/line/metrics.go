package line

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Metric is a row of the page for Prometheus, in its text format 0.0.4.
type Metric struct {
	Name   string // letters, digits, _
	Help   string
	Type   string // counter, gauge
	Labels string // as in {a="b"}, made by Label; "": none
	Value  float64
}

// Label is one label of a metric.
func Label(name, value string) string {
	return "{" + name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"}`
}

// Page renders metrics; rows of one name stand together.
func Page(rows []Metric) string {
	var b strings.Builder
	last := ""
	for _, m := range rows {
		if m.Name != last {
			fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", m.Name, strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(m.Help), m.Name, m.Type)
			last = m.Name
		}
		fmt.Fprintf(&b, "%s%s %s\n", m.Name, m.Labels, strconv.FormatFloat(m.Value, 'g', -1, 64))
	}
	return b.String()
}

// Metrics are the counts of a summary, the index of drift, and the model.
func Metrics(s Summary, index float64, drifting bool, model uint64) []Metric {
	counter, gauge := "counter", "gauge"
	part := func(outcome string, v uint64) Metric {
		return Metric{"secateur_parts_total", "Parts by outcome.", counter, Label("outcome", outcome), float64(v)}
	}
	decision := func(d string, v uint64) Metric {
		return Metric{"secateur_decisions_total", "Judged and late parts by decision.", counter, Label("decision", d), float64(v)}
	}
	one := func(name, help, kind string, v float64) Metric { return Metric{"secateur_" + name, help, kind, "", v} }
	latency := func(q string, v float64) Metric {
		return Metric{"secateur_latency_seconds", "From trigger to verdict, of the newest verdicts.", gauge, Label("quantile", q), v / 1e3}
	}
	on := 0.0
	if drifting {
		on = 1
	}
	rows := []Metric{
		part("judged", s.Judged), part("late", s.Late), part("lost", s.Lost),
		decision("reject", s.Rejected), decision("pass", s.Passed),
		one("doubtful_total", "Parts whose margin is small.", counter, float64(s.Doubtful)),
		one("over_budget_total", "Verdicts that took longer than the budget.", counter, float64(s.OverBudget)),
		one("parts_waiting", "Parts that wait for their picture.", gauge, float64(s.Waiting)),
		latency("0.5", s.P50), latency("0.99", s.P99),
		one("frames_total", "Frames of the camera.", counter, float64(s.Frames)),
		one("frames_lost_total", "Frames that the camera dropped.", counter, float64(s.FramesLost)),
		one("camera_reopened_total", "Times the camera came back.", counter, float64(s.Reopened)),
		one("pictures_written_total", "Pictures kept.", counter, float64(s.Kept.Written)),
		one("pictures_written_bytes_total", "Bytes of pictures kept.", counter, float64(s.Kept.Bytes)),
		one("pictures_dropped_total", "Pictures that were to be kept and were not.", counter, float64(s.Kept.Dropped)),
		one("drift_index", "Population stability index of the scores against the golden set.", gauge, index),
		one("drift_alarm", "1 while the alarm of drift is on.", gauge, on),
		one("model_number", "Number of the model that judges.", gauge, float64(model)),
		one("model_swaps_total", "Times the model was changed.", counter, float64(s.Swap)),
	}
	if s.MQTT != nil {
		rows = append(rows, one("mqtt_sent_total", "Events that the broker has.", counter, float64(s.MQTT.Sent)),
			one("mqtt_lost_total", "Events that found the buffer full.", counter, float64(s.MQTT.Lost)),
			one("mqtt_waiting", "Events that wait for the broker.", gauge, float64(s.MQTT.Waiting)))
	}
	return rows
}

// MetricsPage answers GET /metrics.
func MetricsPage(rows func() []Metric) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		fmt.Fprint(w, Page(rows()))
	})
	return mux
}
