package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/secateur/secateur/tools/internal/machine"
)

// boot runs the machine until its tests end.
func (m vm) boot(hw hardware, k kernel) error {
	console := filepath.Join(m.dir, "console")
	args := append([]string{
		"-accel", "tcg,thread=multi", "-cpu", cpus[m.arch], "-smp", "2", "-m", "768",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", k.image, "-initrd", filepath.Join(m.dir, "initrd"), "-serial", "file:" + console,
		"-append", "console=" + hw.console + " quiet loglevel=3 panic=-1 mitigations=off audit=0",
	}, hw.args...)
	var said bytes.Buffer
	cmd := exec.Command(hw.qemu, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err := machine.Follow(console, os.Stdout, ended, m.limit)
	cmd.Process.Kill()
	if err != nil {
		return fmt.Errorf("%w %s", err, said.Bytes())
	}
	say("%s: all passed, %.0f s from switching on", m.arch, time.Since(began).Seconds())
	return nil
}
