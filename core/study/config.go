// Package study compares ways to prune over models, data sets, shots and seeds, pairwise and with the controls that such
// claims need (reference: pruning §6.2).
package study

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
)

// Config is a study as its TOML file says it. Every combination of what is listed is run.
type Config struct {
	Name       string   `toml:"name"`
	Seeds      int      `toml:"seeds"`       // draws of the shots; every arm of a seed sees the same images
	Shots      []int    `toml:"shots"`       // images a class; 0 is all
	Selectors  []string `toml:"selectors"`   // criteria that say which filters go
	Allocators []string `toml:"allocators"`  // uniform, or global by Across
	Across     string   `toml:"across"`      // comparable criterion behind global; every selector gets the same widths
	Keep       []string `toml:"keep"`        // budgets, macs=0.5
	Repairs    []string `toml:"repairs"`     // none, norm, rebuild
	Tuning     []string `toml:"tuning"`      // none: as cut; after: one cut, then fine-tuning; full: the training loop with this selector
	Controls   []string `toml:"controls"`    // equal-updates, ablate-and-restore, with every tuning but none
	InnerOnly  bool     `toml:"inner_only"`  // leave residual streams alone
	Multiple   int      `toml:"multiple"`    // widths are cut to multiples of this; 0: what the kernels like
	Epochs     int      `toml:"epochs"`      // of fine-tuning the dense network; 0: the usual
	Turns      int      `toml:"turns"`       // of the training loop; 0: the usual
	Updates    int      `toml:"updates"`     // steps of fine-tuning after each cut; 0: the usual
	Final      int      `toml:"final"`       // epochs of fine-tuning after the last turn; 0: the usual
	TestImages int      `toml:"test_images"` // at most, drawn by a fixed seed; 0: all
	Recipe     Recipe   `toml:"recipe"`      // regularisers of all fine-tunings
	Models     []Model  `toml:"model"`
	Data       []Data   `toml:"data"`
	dir        string
}

// Model is a network of the study.
type Model struct {
	Name       string     `toml:"name"`
	File       string     `toml:"file"` // ONNX or .secateur, beside the TOML file if relative
	Mean       [3]float32 `toml:"mean"` // of an ONNX file without its own
	Std        [3]float32 `toml:"std"`
	Labels     []string   `toml:"labels"`     // of an ONNX file without its own
	Pretrained bool       `toml:"pretrained"` // its classes are those of the data: it is not fine-tuned before the cut
	Sets       []string   `toml:"sets"`       // data sets it runs on; none: all
	NoAugment  bool       `toml:"no_augment"`
}

// Data is a data set of the study.
type Data struct {
	Name string `toml:"name"`
	Dir  string `toml:"dir"`
}

// Load reads a study. The error shows the line of what is wrong.
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Config{dir: filepath.Dir(path), Across: "fisher-margin"}
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("%s: %s", path, explain(err))
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// explain is what a TOML error says, with line and key.
func explain(err error) string {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		row, _ := strict.Errors[0].Position()
		return fmt.Sprintf("line %d: %s is no setting of a study", row, strings.Join(strict.Errors[0].Key(), "."))
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, _ := decode.Position()
		return fmt.Sprintf("line %d: %s", row, decode.Error())
	}
	return err.Error()
}

// check fills in what may be left out and refuses what cannot be run.
func (c *Config) check() error {
	for _, d := range []struct {
		list *[]string
		or   string
		of   []string
		name string
	}{{&c.Allocators, "uniform", pruning.Allocators(), "allocator"}, {&c.Repairs, "rebuild", []string{"none", "norm", "rebuild"}, "repair"},
		{&c.Tuning, "none", []string{"none", "after", "full"}, "tuning"}, {&c.Keep, "macs=0.5", nil, "keep"}, {&c.Controls, "", train.Controls(), "control"}} {
		if len(*d.list) == 0 && d.or != "" {
			*d.list = []string{d.or}
		}
		for _, v := range *d.list {
			if d.of != nil && !slices.Contains(d.of, v) {
				return fmt.Errorf("%s %q is not known, want one of %s", d.name, v, strings.Join(d.of, ", "))
			}
		}
	}
	c.Seeds = max(c.Seeds, 1)
	if len(c.Shots) == 0 {
		c.Shots = []int{10}
	}
	if len(c.Models) == 0 || len(c.Data) == 0 || len(c.Selectors) == 0 {
		return fmt.Errorf("%d models, %d data sets and %d selectors, want at least one of each", len(c.Models), len(c.Data), len(c.Selectors))
	}
	for _, name := range append([]string{c.Across}, c.Selectors...) {
		if _, err := criteria.Lookup(name); err != nil {
			return err
		}
	}
	for _, k := range c.Keep {
		if _, err := pruning.ParseBudget(k); err != nil {
			return err
		}
	}
	if err := c.Recipe.check(); err != nil {
		return err
	}
	return c.checkNames()
}

func (c *Config) checkNames() error {
	seen := map[string]bool{}
	for _, m := range c.Models {
		if m.Name == "" || m.File == "" || seen["model "+m.Name] {
			return fmt.Errorf("model %q has no name or file of its own", m.Name)
		}
		seen["model "+m.Name] = true
	}
	for _, d := range c.Data {
		if d.Name == "" || d.Dir == "" || seen["data "+d.Name] {
			return fmt.Errorf("data set %q has no name or folder of its own", d.Name)
		}
		seen["data "+d.Name] = true
	}
	for _, m := range c.Models {
		for _, s := range m.Sets {
			if !seen["data "+s] {
				return fmt.Errorf("model %s wants data set %q, which is not listed", m.Name, s)
			}
		}
	}
	return nil
}

// path is a file of the study: beside its TOML file if relative.
func (c *Config) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}
