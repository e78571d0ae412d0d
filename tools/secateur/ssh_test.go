package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/device/gate"
	"github.com/secateur/secateur/device/spool"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/secateur/secateur/tools/secateur/sshtest"
)

// sshCampaign is whether SECATEUR_SSH_CAMPAIGN asks for the whole of each test.
var sshCampaign = os.Getenv("SECATEUR_SSH_CAMPAIGN") != ""

func campaignOr(whole, short int) int {
	if sshCampaign {
		return whole
	}
	return short
}

// remoteBox is a box behind sshd, with an untrained model of the line's classes live and a golden set.
type remoteBox struct {
	*sshtest.Server
	canary string // whatever a client manages to run writes here
}

// TestOverSSH is a box from its configuration to a retrained model, through a real sshd. SECATEUR_SSH_CAMPAIGN=1 is
// the whole of it.
func TestOverSSH(t *testing.T) {
	if !sshtest.InNamespace(t) {
		return
	}
	b := newRemoteBox(t)
	t.Run("hostile", b.hostile)
	t.Run("keys", b.keys)
	t.Run("status", b.status)
	t.Run("retrain", b.retrain)
	t.Run("killed client", b.killedClient)
	t.Run("killed service", b.killedService)
	t.Run("bursts", b.bursts)
	t.Run("detector", b.detector)
	if n, err := (&gate.Audit{Path: firmwareconfig.Audit}).Verify(); err != nil {
		t.Error(err)
	} else {
		t.Logf("the audit's chain of %d lines is whole", n)
	}
}

func newRemoteBox(t *testing.T) *remoteBox {
	names := []string{"plc", "loader", "quality", "viewer", "far", "stranger", "cert-free", "cert-forced", "cert-expired", "cert-other", "admin", "fleet"}
	s := sshtest.Start(t, names, func(public map[string]string) string {
		text := "[ssh]\nper_minute = 6000\n[train]\nper_hour = 3600\ncriterion = \"\"\n[run]\nlatency = \"10s\"\n[retention]\nreserve = \"1MiB\"\n"
		for _, k := range []struct{ name, more string }{{"plc", `scopes = ["look", "train"]`}, {"loader", `scopes = ["upload"]`}, {"quality", `scopes = ["promote"]`},
			{"viewer", `scopes = ["look"]`}, {"far", "scopes = [\"train\"]\nfrom = [\"10.0.0.0/24\"]"}} {
			text += fmt.Sprintf("[[key]]\nname = %q\npublic = %q\n%s\n", k.name, public[k.name], k.more)
		}
		return text
	}, func() error {
		if o := secateur(context.Background(), "configure", "apply", "--no-activate", "--board", "pc", "--quiet"); o.code != 0 {
			return fmt.Errorf("configure apply: %+v", o)
		}
		return nil
	})
	b := &remoteBox{s, "/var/canary"}
	must(os.Mkdir(b.canary, 0o777))
	must(os.Chmod(b.canary, 0o1777))
	writePictures("/var/lib/secateur/golden", 12, 77)
	_, err := accept.Seal("/var/lib/secateur/golden", false)
	must(err)
	copyFile(t, filepath.Join(fixtures(), "line.secateur"), "/var/lib/secateur/line.secateur")
	for _, args := range []string{"stage /var/lib/secateur/line.secateur --factory", "activate 1"} {
		if r := b.service(t, append([]string{"models", "--golden="}, strings.Fields(args)...)...); r.Code != 0 {
			t.Fatalf("models %s: %+v", args, r)
		}
	}
	return b
}

// service runs the program as the account of the box's services.
func (b *remoteBox) service(t *testing.T, args ...string) sshtest.Result {
	t.Helper()
	return sshtest.Run(b.serviceCommand(t, args...))
}

func (b *remoteBox) serviceCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	u, err := user.Lookup("secateur")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	c := exec.Command("/bin/sh", append([]string{"-c", "umask 0027; exec /usr/bin/secateur \"$@\"", "secateur"}, args...)...)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return c
}

// train does the jobs of the spool, as the path unit has it done.
func (b *remoteBox) train(t *testing.T) sshtest.Result {
	t.Helper()
	return sshtest.Run(b.trainer(t))
}

func (b *remoteBox) trainer(t *testing.T) *exec.Cmd {
	t.Helper()
	return b.serviceCommand(t, "retrain", "--spool", firmwareconfig.Spool, "--quiet", "--threads", "1")
}

// remote is the program's own client.
func (b *remoteBox) remote(key string, args ...string) sshtest.Result {
	return sshtest.Run(exec.Command("/usr/bin/secateur", append([]string{"remote", "--json", "--port", fmt.Sprint(b.Port), "-i", b.Key(key)}, args...)...))
}

func (b *remoteBox) audited(t *testing.T) []gate.Entry {
	t.Helper()
	text, err := os.ReadFile(firmwareconfig.Audit)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var list []gate.Entry
	for line := range strings.Lines(string(text)) {
		var e gate.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("audit: %v in %q", err, line)
		}
		for _, c := range line[:len(line)-1] {
			if c < ' ' || c > '~' {
				t.Fatalf("audit: %q holds %q", line, c)
			}
		}
		list = append(list, e)
	}
	return list
}

func (b *remoteBox) nothingRan(t *testing.T) {
	t.Helper()
	if found, err := os.ReadDir(b.canary); err != nil || len(found) > 0 {
		t.Errorf("something ran: %v, %v", found, err)
	}
}

// each runs f for 0 to n-1, some at a time.
func each(n, at int, f func(i int)) {
	var all sync.WaitGroup
	room := make(chan struct{}, at)
	for i := range n {
		room <- struct{}{}
		all.Go(func() { f(i); <-room })
	}
	all.Wait()
}

func (b *remoteBox) hostile(t *testing.T) {
	n := campaignOr(2000, 30)
	lines := sshtest.Hostile(n, b.canary, rand.New(rand.NewPCG(1, 2)), func(line string) bool { _, err := gate.Parse(line); return err == nil })
	if !sshCampaign { // some of each sort
		rand.New(rand.NewPCG(3, 4)).Shuffle(n, func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	}
	before, began := len(b.audited(t)), time.Now()
	keys := []string{"plc", "loader", "quality", "viewer"}
	for _, k := range keys {
		defer b.Connect(k)()
	}
	each(n, 8, func(i int) {
		if r := b.SSH(keys[i%len(keys)], lines[i], "-S", b.Socket(keys[i%len(keys)])); r.Code != gate.ExitRefused {
			t.Errorf("%q: exit %d, want %d: %.200s", lines[i], r.Code, gate.ExitRefused, r.Stderr)
		}
	})
	b.nothingRan(t)
	list := b.audited(t)[before:]
	for _, e := range list {
		if e.Code != gate.ExitRefused || e.From != "127.0.0.1" {
			t.Errorf("audited as %+v", e)
		}
	}
	if len(list) != n {
		t.Errorf("%d lines in the audit for %d commands", len(list), n)
	}
	t.Logf("%d hostile commands in %v: all exit %d, all audited", n, time.Since(began).Round(time.Second), gate.ExitRefused)
}

// keys is what may not be done with which key.
func (b *remoteBox) keys(t *testing.T) {
	const free, refused, denied = "secateur-ssh", 255, gate.ExitKey
	b.Certify("cert-free", free)
	b.Certify("cert-forced", free, "-O", "force-command=touch "+b.canary+"/forced")
	b.Certify("cert-expired", free, "-V", "20200101:20200102")
	b.Certify("cert-other", "root")
	touch := "touch " + b.canary + "/k"
	misuses := []struct {
		name, key, line string
		options         []string
		want            int
		says            string
	}{
		{"wrong scope: look", "viewer", "retrain set=a", nil, denied, "lacks the scope train"},
		{"wrong scope: upload", "loader", "promote model=1", nil, denied, "lacks the scope promote"},
		{"wrong scope: train", "plc", "put set=a", nil, denied, "lacks the scope upload"},
		{"wrong scope: promote", "quality", "cancel job=1", nil, denied, "lacks the scope train"},
		{"wrong key", "stranger", "status", nil, refused, "Permission denied"},
		{"from another address", "far", "status", nil, refused, "Permission denied"},
		{"certificate without a command", "cert-free", touch, nil, gate.ExitRefused, "no shell"},
		{"certificate without a command, a forged gate", "cert-free", "/usr/bin/secateur gate plc; " + touch, nil, gate.ExitRefused, "no shell"},
		{"certificate without a command, a shell", "cert-free", "", nil, gate.ExitRefused, "no shell"},
		{"certificate with a command of its own", "cert-forced", "status", nil, gate.ExitRefused, "no shell"},
		{"certificate, sftp", "cert-free", "sftp", []string{"-s"}, gate.ExitRefused, ""}, // sshd passes no errors of a subsystem on,
		{"certificate, expired", "cert-expired", "status", nil, refused, "Permission denied"},
		{"certificate of another account", "cert-other", "status", nil, refused, "Permission denied"},
		{"a terminal", "viewer", "status", []string{"-tt"}, refused, "PTY allocation request failed"},
		{"a listener", "viewer", "status", []string{"-R", "0:127.0.0.1:1", "-o", "ExitOnForwardFailure=yes"}, refused, "remote port forwarding failed"},
		{"a connection", "viewer", "", []string{"-W", fmt.Sprintf("127.0.0.1:%d", b.Port)}, refused, "prohibited"},
		{"no command", "viewer", "", nil, gate.ExitRefused, "unknown verb"},
		{"sftp", "viewer", "sftp", []string{"-s"}, gate.ExitRefused, ""},
		{"scp", "viewer", "scp -t " + b.canary, nil, gate.ExitRefused, "unknown verb"},
		{"environment", "viewer", "status", []string{"-o", "SetEnv=LD_PRELOAD=/x SECATEUR_CONFIG=/x SECATEUR_THREADS=-1 SSH_ORIGINAL_COMMAND=models"}, 0, ""},
	}
	each(len(misuses), 8, func(i int) {
		c := misuses[i]
		r := b.SSH(c.key, c.line, c.options...)
		if r.Code != c.want || !strings.Contains(r.Stderr, c.says) {
			t.Errorf("%s: exit %d, want %d and %q: %s%s", c.name, r.Code, c.want, c.says, r.Stdout, r.Stderr)
		}
		if c.name == "environment" && !strings.Contains(r.Stdout, `"job"`) {
			t.Errorf("%s: status says %s", c.name, r.Stdout)
		}
	})
	b.nothingRan(t)
	t.Logf("%d ways to misuse a key: each refused, or without effect", len(misuses))
}

func (b *remoteBox) status(t *testing.T) {
	if r := b.remote("viewer", "127.0.0.1", "status"); r.Code == 0 {
		t.Error("a host whose key is not known was asked")
	}
	copyFile(t, b.Known, "/etc/ssh/ssh_known_hosts")
	if r := b.remote("viewer", "127.0.0.1", "status"); r.Code != 0 || !json.Valid([]byte(r.Stdout)) {
		t.Errorf("%+v", r)
	}
	if r := b.remote("viewer", "127.0.0.1", "retrain", "set=a"); r.Code != gate.ExitKey {
		t.Errorf("exit %d, want the gate's %d", r.Code, gate.ExitKey)
	}
	if r := b.remote("viewer", "127.0.0.1", "status; id"); r.Code != exitUsage {
		t.Errorf("exit %d, want %d", r.Code, exitUsage)
	}
	for _, host := range []string{"-oProxyCommand=touch " + b.canary + "/o", "x@-oProxyCommand=touch " + b.canary + "/o"} {
		if r := b.remote("viewer", "--", host, "status"); r.Code == 0 {
			t.Errorf("%s was asked", host)
		}
	}
	b.nothingRan(t)
	b.keeps(t)
	b.roundTrip(t)
}

// keeps: requests of a key share its connection, another key has one of its own, and --keep 0 leaves none.
func (b *remoteBox) keeps(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	kept := func() int {
		all, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "secateur/ssh/*"))
		return len(all)
	}
	for _, c := range []struct {
		key, keep string
		want      int
	}{{"viewer", "0", 0}, {"viewer", "1m", 1}, {"viewer", "1m", 1}, {"plc", "1m", 2}} {
		if r := b.remote(c.key, "--keep", c.keep, "127.0.0.1", "status"); r.Code != 0 || kept() != c.want {
			t.Errorf("key %s, --keep %s: %d connections kept, want %d: %+v", c.key, c.keep, kept(), c.want, r)
		}
	}
	if r := b.remote("viewer", "127.0.0.1", "retrain", "set=a"); r.Code != gate.ExitKey {
		t.Errorf("exit %d, want the gate's %d: another key's connection was used", r.Code, gate.ExitKey)
	}
}

// roundTrip times status by turns with /bin/true, each by a connection of its own, and with secateur remote status over the
// connection that it keeps: what is above the second is ours, what the third is spared is sshd's greeting.
func (b *remoteBox) roundTrip(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	ask := map[string]func() sshtest.Result{
		"status":         func() sshtest.Result { return b.SSH("viewer", "status") },
		"true":           func() sshtest.Result { return b.SSH("viewer", "true", "-l", sshtest.Bare) },
		"status, shared": func() sshtest.Result { return b.remote("viewer", "127.0.0.1", "status") },
	}
	ask["status, shared"]() // makes the connection
	took := map[string][]time.Duration{}
	for range campaignOr(30, 5) {
		for name, ask := range ask {
			r := ask()
			if said := strings.Contains(r.Stdout, `"live":1`); r.Code != 0 || name == "true" && r.Stdout != "" || name != "true" && !said {
				t.Fatalf("%s: %+v", name, r)
			}
			took[name] = append(took[name], r.Took)
		}
	}
	for name, took := range took {
		slices.Sort(took)
		t.Logf("%s: %v median, %v best, %v worst of %d", name, took[len(took)/2], took[0], took[len(took)-1], len(took))
	}
	if middle := len(took["status"]) / 2; sshCampaign && took["status"][middle] > 2*took["true"][middle] {
		t.Errorf("status takes more than twice what sshd takes for nothing")
	}
}

// live is the number of the live model, by the gate's own word.
func (b *remoteBox) live(t *testing.T) int {
	t.Helper()
	var st struct{ Models struct{ Live int } }
	if r := b.SSH("viewer", "status"); json.Unmarshal([]byte(r.Stdout), &st) != nil {
		t.Fatalf("status: %+v", r)
	}
	return st.Models.Live
}

// retrain puts pictures, retrains and follows: good ones go live, bad ones do not.
func (b *remoteBox) retrain(t *testing.T) {
	good, bad := t.TempDir(), t.TempDir()
	writePictures(good, 20, 5)
	writePictures(bad, 20, 6)
	for _, c := range [][2]string{{"bolt", "tmp"}, {"nut", "bolt"}, {"tmp", "nut"}} { // their classes swapped
		must(os.Rename(filepath.Join(bad, c[0]), filepath.Join(bad, c[1])))
	}
	for set, dir := range map[string]string{"good": good, "bad": bad} {
		if r := b.remote("loader", "127.0.0.1", "put", "set="+set, dir); r.Code != 0 || !strings.Contains(r.Stdout, `"images":60`) {
			t.Fatalf("put: %+v", r)
		}
	}
	if r := b.follow(t, "set=bad", "epochs=12"); r.Code != gate.ExitTarget || b.live(t) != 1 || !strings.Contains(r.Stderr, "refused") {
		t.Errorf("the golden set lets swapped classes pass: live %d, %+v", b.live(t), r)
	} else {
		t.Logf("swapped classes, no model before that could doubt them: exit %d, %s", r.Code, lastLine(r.Stderr))
	}
	began := time.Now()
	r := b.follow(t, "set=good", "epochs=12")
	live := b.live(t)
	if r.Code != 0 || live < 2 {
		t.Fatalf("a good retraining: live %d, %+v", b.live(t), r)
	}
	t.Logf("retrained over SSH in %v", time.Since(began).Round(time.Millisecond))
	if r := b.SSH("quality", "confirm"); r.Code != 0 {
		t.Fatalf("confirm: %+v", r)
	}
	if r := b.follow(t, "set=bad", "epochs=12"); r.Code != gate.ExitData || b.live(t) != live {
		t.Errorf("a bad retraining: live %d, %+v", b.live(t), r)
	} else {
		t.Logf("swapped classes: exit %d, %s", r.Code, lastLine(r.Stderr))
	}
	if r := b.SSH("quality", "promote model=1"); r.Code != gate.ExitTarget || b.live(t) != live {
		t.Errorf("promotion of the untrained model: live %d, %+v", b.live(t), r)
	}
	if r := b.SSH("quality", "rollback"); r.Code != 0 || b.live(t) != 1 {
		t.Errorf("rollback: live %d, %+v", b.live(t), r)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// follow asks for a retraining, has it done, and returns when its client does.
func (b *remoteBox) follow(t *testing.T, values ...string) sshtest.Result {
	t.Helper()
	ended := make(chan sshtest.Result)
	before := b.newest(t)
	go func() { ended <- b.remote("plc", append([]string{"127.0.0.1", "retrain", "follow=yes"}, values...)...) }()
	b.await(t, before+1)
	b.train(t)
	return <-ended
}

func (b *remoteBox) spool(t *testing.T) *spool.Spool {
	t.Helper()
	s, err := spool.Open(firmwareconfig.Spool)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *remoteBox) newest(t *testing.T) uint64 {
	t.Helper()
	n, err := b.spool(t).Newest()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *remoteBox) await(t *testing.T, n uint64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); b.newest(t) < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("job %d does not come", n)
		}
	}
}

// killedClient kills the ssh that follows a job: the job ends all the same, and logs ends as it did.
func (b *remoteBox) killedClient(t *testing.T) {
	n := b.newest(t) + 1
	client := b.Client(context.Background(), "plc", "retrain set=good epochs=3 follow=yes")
	out, err := client.StdoutPipe()
	must(err)
	must(client.Start())
	b.await(t, n)
	trained := make(chan sshtest.Result)
	go func() { trained <- b.train(t) }()
	io.ReadFull(out, make([]byte, 200)) // it follows: the job's line and some of its events
	must(client.Process.Kill())
	client.Wait()
	<-trained
	st, err := b.spool(t).Status(n)
	if err != nil || st.Done == nil || len(st.Done.Report) == 0 {
		t.Fatalf("the job did not come to its end: %+v, %v", st, err)
	}
	r := b.SSH("viewer", fmt.Sprintf("logs job=%d follow=yes", n))
	if r.Code != st.Done.Code || !strings.HasSuffix(strings.TrimSpace(r.Stdout), st.Done.Line) {
		t.Errorf("logs: exit %d, want %d and at its end %q: %s", r.Code, st.Done.Code, st.Done.Line, r.Stdout)
	}
	t.Logf("the client was killed; job %d ended %d, %s", n, st.Done.Code, st.Done.Line)
}

// killedService kills the service with -9 in the middle of a job, several times: the job goes on where it was and ends once,
// the live model is whole all the while, and a client that follows sees the end.
func (b *remoteBox) killedService(t *testing.T) {
	if st := b.live(t); st > 1 {
		b.SSH("quality", "rollback") // what the tests before left on trial
	}
	before, n := b.live(t), b.newest(t)+1
	ended := make(chan sshtest.Result)
	go func() { ended <- b.remote("plc", "127.0.0.1", "retrain", "set=good", "epochs=60", "follow=yes") }()
	b.await(t, n)
	kills, run := 0, fmt.Sprintf("%s/job-%06d", firmwareconfig.Runs, n)
	for kills < campaignOr(10, 2) {
		c := b.trainer(t)
		must(c.Start())
		if !newer(run, time.Now(), 20*time.Second) {
			c.Process.Kill()
			c.Wait()
			break // it is done
		}
		must(c.Process.Kill())
		c.Wait()
		kills++
		if got := b.live(t); got != before {
			t.Fatalf("live %d after kill %d, want %d", got, kills, before)
		}
	}
	b.train(t)
	st, err := b.spool(t).Status(n)
	if err != nil || st.Done == nil || len(st.Done.Report) == 0 {
		t.Fatalf("after %d kills the job has no end: %+v, %v", kills, st, err)
	}
	if r := <-ended; r.Code != st.Done.Code {
		t.Errorf("the client ended %d, the job %d", r.Code, st.Done.Code)
	}
	if r := b.service(t, "models", "--golden=", "scrub"); r.Code != 0 {
		t.Errorf("%+v", r)
	}
	t.Logf("%d kills; job %d ended %d, %s", kills, n, st.Done.Code, st.Done.Line)
	if kills == 0 {
		t.Error("no kill came in time")
	}
}

// newer waits until a run has saved something since a moment; false if it does not in time.
func newer(run string, since time.Time, limit time.Duration) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		files, _ := filepath.Glob(run + "/*.ckpt")
		for _, f := range files {
			if st, err := os.Stat(f); err == nil && st.ModTime().After(since) {
				return true
			}
		}
	}
	return false
}

// bursts of retrains at the same moment: one is taken, the others are told that the box is busy.
func (b *remoteBox) bursts(t *testing.T) {
	rounds, size := campaignOr(5, 1), campaignOr(40, 8)
	for range rounds {
		codes := make([]int, size)
		before := b.newest(t)
		each(size, size, func(i int) { codes[i] = b.SSH("plc", fmt.Sprintf("retrain set=good epochs=1 seed=%d", i)).Code })
		slices.Sort(codes)
		if codes[0] != 0 || codes[1] != gate.ExitBusy || codes[size-1] != gate.ExitBusy || b.newest(t) != before+1 {
			t.Errorf("exit codes %v; want one 0, and %d", codes, gate.ExitBusy)
		}
		b.train(t)
		if st, err := b.spool(t).Status(before + 1); err != nil || st.Done == nil {
			t.Errorf("the winner's job: %+v, %v", st, err)
		}
	}
	t.Logf("%d retrains in bursts of %d: one winner each, %d for the others", rounds*size, size, gate.ExitBusy)
}
