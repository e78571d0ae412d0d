package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// endMark is what the guest writes when the tests are over, before their exit code.
const endMark = "bochs: the tests end with code "

const bochsConfig = `cpu: model=%s, count=1, ips=100000000, ignore_bad_msrs=1, reset_on_triple_fault=0
megs: 1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=%s, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=%s
display_library: rfb, options="timeout=0"
clock: sync=none
log: %s
panic: action=fatal
error: action=report
info: action=ignore
`

// run starts the emulator, copies the guest's console to standard output and ends the emulator
// when the guest is done.
func (m machine) run() error {
	serial, log := m.path("serial"), m.path("log")
	text := fmt.Sprintf(bochsConfig, m.cpu, m.path("cd.iso"), serial, log)
	if err := os.WriteFile(m.path("bochsrc"), []byte(text), 0o644); err != nil {
		return err
	}
	cmd := exec.Command("bochs", "-q", "-f", m.path("bochsrc"))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	io.WriteString(stdin, "continue\n") // a debugger asks first where there is one
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err = m.watch(serial, ended)
	cmd.Process.Kill()
	if err != nil {
		said, _ := os.ReadFile(log)
		return fmt.Errorf("%w\nlog of bochs:\n%s", err, last(string(said), 2000))
	}
	return nil
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

// watch follows the console until the tests end.
func (m machine) watch(path string, ended chan error) error {
	console, at := "", 0
	for start := time.Now(); time.Since(start) < m.limit; time.Sleep(200 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err == nil {
			console = strings.ReplaceAll(string(text), "\r", "")
		}
		io.WriteString(os.Stdout, console[at:])
		at = len(console)
		if _, code, ok := strings.Cut(console, endMark); ok && strings.HasSuffix(code, "\n") {
			if code = strings.TrimSpace(code); code != "0" {
				return fmt.Errorf("the tests ended with code %s", code)
			}
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("bochs ended before the tests: %v", err)
		default:
		}
	}
	return fmt.Errorf("no end after %v", m.limit)
}
