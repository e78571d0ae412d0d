package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/secateur/secateur/tools/internal/machine"
)

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
func (m bochs) run() error {
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
	err = machine.Follow(serial, os.Stdout, ended, m.limit)
	cmd.Process.Kill()
	if err != nil {
		said, _ := os.ReadFile(log)
		return fmt.Errorf("%w\nlog of bochs:\n%s", err, last(string(said), 2000))
	}
	return nil
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }
