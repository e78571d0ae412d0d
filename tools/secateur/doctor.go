package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/secateur/secateur/device/board"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/gpio"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/tools/secateur/doctor"
	"github.com/spf13/cobra"
)

func doctorCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look the box over: what is wrong with it, and what to do",
		Long: `Look the box over: board, kernels, heat, supply, memory cgroup, watchdog, disks, configuration, units,
camera, GPIO lines, models, golden set and SSH. Each
line says what was found; a warning or a failure also what to do. Exit 1 if anything failed.`,
		Example: "  secateur doctor\n  secateur doctor --json",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return runDoctor(c, config) },
	}
	c.Flags().StringVar(&config, "config", "", "configuration; the default is /etc/secateur/config.toml")
	return c
}

func runDoctor(c *cobra.Command, config string) error {
	w := c.OutOrStdout()
	if isJSON(c) {
		return examine(config, jsonFindings(w))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	err := examine(config, func(f doctor.Finding) {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.State, f.Check, f.Found)
		if f.Do != "" {
			fmt.Fprintf(t, "\t\tdo: %s\n", f.Do)
		}
	})
	if failed := t.Flush(); failed != nil {
		return failed
	}
	return err
}

func jsonFindings(w io.Writer) func(doctor.Finding) {
	return func(f doctor.Finding) { printJSON(w, f) }
}

// examine makes every check of the running system.
func examine(config string, each func(doctor.Finding)) error {
	b := &doctor.Box{Root: "/", Exec: doctor.Command, Kernels: kernels.Choice}
	b.Board, b.BoardErr = board.Read(b.Root)
	b.Config, b.ConfigErr = loadConfig(b.Root, config)
	b.Chips, b.Cameras = func() ([]gpio.Chip, error) { return gpio.Chips(b.Root) }, camera.Devices
	b.Held = func() (*camera.Lock, error) {
		spec, err := cameraSpec("", b.Config.Camera)
		if err != nil {
			return nil, err
		}
		return camera.Held(spec)
	}
	checks := doctor.All()
	if failures := doctor.Run(b, checks, each); failures > 0 {
		return fmt.Errorf("%d of %d checks failed", failures, len(checks))
	}
	return nil
}
