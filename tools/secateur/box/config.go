package box

import (
	"fmt"
	"os"
	"time"

	"aead.dev/minisign"
	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/gate"
	"github.com/secateur/secateur/device/inbox"
	"github.com/secateur/secateur/device/slot"
	"github.com/secateur/secateur/device/spool"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

// Open is the station that a configuration describes, with its jobs in a folder of their own.
func Open(c *firmwareconfig.Config, jobs string, env graph.Env) (*Station, error) {
	models, err := OpenModels(c)
	if err != nil {
		return nil, err
	}
	queue, err := spool.Open(jobs)
	if err != nil {
		return nil, err
	}
	s := &Station{Box: &Box{Models: models, Golden: c.Gate.Golden, Rules: Rules(c), Env: env}, Jobs: queue, Data: c.Train.Data, Runs: firmwareconfig.Runs}
	s.Train, err = training(c)
	return s, err
}

// OpenModels is the store of models that a configuration describes.
func OpenModels(c *firmwareconfig.Config) (*slot.Store, error) {
	key, err := PublicKey(c.Models.PublicKey)
	if err != nil {
		return nil, err
	}
	return slot.Open(c.Models.Dir, slot.Options{Key: key, Keep: c.Models.Keep})
}

// Rules are what a configuration asks of a model.
func Rules(c *firmwareconfig.Config) accept.Rules {
	r := accept.Rules{Margin: c.Gate.Overall, WorstMargin: c.Gate.Worst, Floor: c.Gate.Minimum, Latency: time.Duration(c.Gate.Latency)}
	if r.Floor == 0 {
		r.Floor = accept.DefaultRules().Floor
	}
	if r.Latency == 0 {
		r.Latency = time.Duration(c.Run.Latency)
	}
	return r
}

// training is the retraining that a configuration asks for where a job says nothing else.
func training(c *firmwareconfig.Config) (Retrain, error) {
	r := Retrain{Config: train.Defaults(), Doubt: accept.DefaultDoubt()}
	r.Epochs, r.Batch, r.TimeBudget = c.Train.Epochs, c.Train.Batch, time.Duration(c.Train.Time)
	if c.Train.Criterion == "" {
		return r, nil
	}
	var err error
	r.Prune, err = prune(nil, c.Train.Criterion, c.Train.Keep)
	return r, err
}

// UploadLimits are those of one put.
func UploadLimits(c *firmwareconfig.Config) inbox.Limits {
	l := inbox.DefaultLimits()
	l.Bytes = int64(c.SSH.Upload)
	return l
}

// GateKey is a key of the configuration as the gate knows it; false if there is none of that name.
func GateKey(c *firmwareconfig.Config, name string) (gate.Key, bool) {
	for _, k := range c.Keys {
		if k.Name != name {
			continue
		}
		key := gate.Key{Name: name}
		for _, s := range k.Scopes {
			key.Scopes = append(key.Scopes, gate.Scope(s))
		}
		return key, true
	}
	return gate.Key{}, false
}

// PublicKey reads a minisign key, by its text or from a file; nil for "".
func PublicKey(text string) (*minisign.PublicKey, error) {
	if text == "" {
		return nil, nil
	}
	if b, err := os.ReadFile(text); err == nil {
		text = string(b)
	}
	key := &minisign.PublicKey{}
	if err := key.UnmarshalText([]byte(text)); err != nil {
		return nil, fmt.Errorf("%.60q is no minisign public key, nor a file that holds one", text)
	}
	return key, nil
}

// LiveClasses are the classes of the live model, none where there is no model, and whether it finds boxes of them.
func LiveClasses(c *firmwareconfig.Config) (classes []string, boxes bool, err error) {
	models, err := OpenModels(c)
	if err != nil {
		return nil, false, err
	}
	live, err := (&Box{Models: models}).Live()
	if err != nil || live == nil {
		return nil, false, err
	}
	return live.Labels(), detect.Is(live), nil
}
