package sshtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Hostile makes n command lines that each try to have something run or written in the folder canary, or to confuse who
// reads them: injections, traversals, options, escapes, look-alike letters, long lines, and mutations of all of them
// and of lines that would be allowed. None is a line of the grammar.
func Hostile(n int, canary string, rng *rand.Rand, allowed func(string) bool) []string {
	seeds := seedLines(canary)
	var lines []string
	for i := 0; len(lines) < n; i++ {
		line := seeds[i%len(seeds)]
		if i >= len(seeds) {
			line = mutate(line, seeds, canary, rng)
		}
		if line = strings.ReplaceAll(line, "\x00", "\x01"); line != "" && !allowed(line) { // a NUL ends an argument
			lines = append(lines, line)
		}
	}
	return lines
}

// runs are ways to have a command run.
var runs = []string{"; %s", "| %s", "|| %s", "& %s", "&& %s", "`%s`", "$(%s)", "\n%s", "\r\n%s", "<(%s)", "'; %s; '", "\"; %s; \"", "{%s,}", "%%0a%s", "\\\n%s", " -- %s",
	"${IFS}%s", "$'\\n'%s", "() { :; }; %s", "\u2028%s", "\x1b]0;%s\x07", "!%s", ">%s", "< %s", "\t%s"}

func seedLines(canary string) []string {
	touch := "touch " + canary + "/x"
	seeds := []string{touch, "/bin/sh", "sh -i", "bash -c '" + touch + "'", "scp -t " + canary, "scp -f /etc/shadow", "/usr/lib/openssh/sftp-server",
		"internal-sftp", "rsync --server -e.LsfxC . " + canary, "git-upload-pack " + canary, "--help", "-h", "help", "--version", "secateur status", "gate plc",
		"/usr/bin/secateur gate plc", "secateur -c status", "env", "LD_PRELOAD=/x status", "status --config=/tmp/x", "status -o ProxyCommand=" + touch, "STATUS",
		"Status", " status", "status ", "status  ", "\tstatus", "status\n", "stаtus", "ｓtatus", "status\u200b", "ѕtatus", "retrain set=../etc", "retrain set=/etc",
		"retrain set=..", "retrain set=.", "retrain set=-rf", "retrain set=a/b", "retrain set=a set=b", "retrain set=", "retrain =a", "retrain set", "retrain set='a'",
		"retrain set=$(id)", "retrain set=`id`", "retrain set=a;id", "retrain set=a\nid", "retrain set=%2e%2e", "retrain set=a\\b", "retrain keep=macs=9e99",
		"retrain keep=macs=-1", "retrain epochs=-1", "retrain epochs=1e9", "retrain epochs=0x10", "retrain epochs=9999999999", "retrain follow=maybe", "retrain seed=١",
		"retrain golden=/tmp", "retrain model=/etc/passwd", "logs job=../1", "logs job=-1", "logs job=1 job=1", "logs follow=", "cancel", "cancel job=*", "promote",
		"promote model=../../x", "promote model=1;id", "rollback now", "confirm 1", "put", "put set=../../root/.ssh", "put set=.ssh", "put set=a/../../b",
		"models --json", "doctor --root=/", strings.Repeat("A", 513), strings.Repeat("status ", 100), "retrain " + strings.Repeat("set=a ", 9),
		"status\x01", "status\x7f", "status\xff", "\x1b[2Jstatus", "..", "/", "*", "~", "$HOME", "#", ":", "exec " + touch, "eval " + touch, ". /etc/profile",
		"python3 -c 'open(\"" + canary + "/p\",\"w\")'", "perl -e 'system(\"" + touch + "\")'", "busybox touch " + canary + "/b", "\"status\"", "'status'", "status#", "status;"}
	for _, verb := range []string{"status", "retrain set=a", "logs job=1", "put set=a", "promote model=1"} {
		for _, r := range runs {
			seeds = append(seeds, verb+fmt.Sprintf(r, touch))
		}
	}
	return seeds
}

// mutate changes a line in one to three places.
func mutate(line string, seeds []string, canary string, rng *rand.Rand) string {
	b := []byte(line)
	for range 1 + rng.IntN(3) {
		at := rng.IntN(len(b) + 1)
		switch rng.IntN(6) {
		case 0:
			b = append(b[:at:at], append([]byte{byte(1 + rng.IntN(255))}, b[at:]...)...)
		case 1:
			if at < len(b) {
				b[at] ^= 1 << rng.IntN(8)
			}
		case 2:
			other := seeds[rng.IntN(len(seeds))]
			b = append(b[:at:at], other[rng.IntN(len(other)):]...)
		case 3:
			b = append(b[:at:at], append(fmt.Appendf(nil, runs[rng.IntN(len(runs))], "touch "+canary+"/m"), b[at:]...)...)
		case 4:
			b = append(b, b[at:]...)
		case 5:
			b = append(b, strings.Repeat("A", rng.IntN(3000))...)
		}
	}
	return string(b)
}
