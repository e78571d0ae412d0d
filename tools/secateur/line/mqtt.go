package line

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

// BrokerOptions say where events go.
type BrokerOptions struct {
	URL      string // mqtt://host:1883, mqtts://host:8883
	ClientID string
	Topic    string
	User     string
	Password string // the file that holds it
	CA       string // a file of certificates; "": the system's
	QoS      int
	Buffer   int // events kept while the broker is away
	Alive    time.Duration
	Retry    time.Duration // between two attempts to connect
}

// Broker sends events by MQTT 5. It keeps a bounded number while the broker is away; the oldest make room, and are
// counted. An event that the connection broke under may arrive twice: its number tells.
type Broker struct {
	opt  BrokerOptions
	cfg  autopaho.ClientConfig
	wake chan struct{}

	mu    sync.Mutex
	ring  [][]byte
	first uint64 // number of ring[0], counting all that were ever entered
	sent  Sent
}

// Sent counts events.
type Sent struct {
	Sent      uint64 `json:"sent"`
	Lost      uint64 `json:"lost"` // the buffer was full
	Waiting   int    `json:"waiting"`
	Connected bool   `json:"connected"`
	Attempts  uint64 `json:"failed_connections"`
}

// NewBroker checks the options and reads the secrets; nothing is connected yet.
func NewBroker(o BrokerOptions) (*Broker, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("mqtt: %w", err)
	}
	b := &Broker{opt: o, wake: make(chan struct{}, 1)}
	b.cfg = autopaho.ClientConfig{
		ServerUrls: []*url.URL{u}, KeepAlive: uint16(min(o.Alive.Seconds(), 65535)), CleanStartOnInitialConnection: true,
		ReconnectBackoff: autopaho.NewExponentialBackoff(o.Retry, 16*o.Retry, 2*o.Retry, 2),
		OnConnectionUp:   func(*autopaho.ConnectionManager, *paho.Connack) { b.connected(true) },
		OnConnectError:   func(error) { b.failed() },
		OnConnectionDown: func() bool { b.connected(false); return true },
		ClientConfig:     paho.ClientConfig{ClientID: o.ClientID},
		ConnectUsername:  o.User,
	}
	if o.Password != "" {
		secret, err := os.ReadFile(o.Password)
		if err != nil {
			return nil, fmt.Errorf("mqtt: password: %w", err)
		}
		b.cfg.ConnectPassword = bytes.TrimRight(secret, "\r\n")
	}
	b.cfg.TlsCfg, err = tlsConfig(o.CA)
	return b, err
}

func tlsConfig(ca string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return c, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("mqtt: certificates: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("mqtt: %s holds no certificate", ca)
	}
	return c, nil
}

func (b *Broker) connected(up bool) {
	b.mu.Lock()
	b.sent.Connected = up
	b.mu.Unlock()
}

func (b *Broker) failed() {
	b.mu.Lock()
	b.sent.Attempts++
	b.mu.Unlock()
}

// Write enters a line; it never waits and never fails.
func (b *Broker) Write(line []byte) (int, error) {
	b.mu.Lock()
	b.ring = append(b.ring, bytes.TrimRight(bytes.Clone(line), "\n"))
	if len(b.ring) > max(b.opt.Buffer, 1) {
		b.ring[0] = nil
		b.ring = b.ring[1:]
		b.first++
		b.sent.Lost++
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// Sent is the counts so far; nil for nil.
func (b *Broker) Sent() *Sent {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sent
	s.Waiting = len(b.ring)
	return &s
}

// lastWords is how long the end of Run waits for what has not been sent.
const lastWords = 2 * time.Second

// Run connects, and sends until ctx ends and a moment longer.
func (b *Broker) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, cancel) })
	defer stop()
	c, err := autopaho.NewConnection(inner, b.cfg)
	if err != nil {
		return fmt.Errorf("mqtt: %w", err)
	}
	for inner.Err() == nil {
		number, line, ok := b.head()
		if !ok {
			if ctx.Err() != nil {
				break
			}
			select {
			case <-b.wake:
			case <-ctx.Done():
			}
			continue
		}
		if b.publish(inner, c, line) == nil {
			b.done(number)
		}
	}
	last, end := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer end()
	return c.Disconnect(last)
}

// publishWait is how long a broker may take to acknowledge an event.
const publishWait = 10 * time.Second

func (b *Broker) publish(ctx context.Context, c *autopaho.ConnectionManager, line []byte) error {
	if err := c.AwaitConnection(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, publishWait)
	defer cancel()
	_, err := c.Publish(ctx, &paho.Publish{Topic: b.opt.Topic, QoS: byte(b.opt.QoS), Payload: line,
		Properties: &paho.PublishProperties{ContentType: "application/json"}})
	if err != nil && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond) // a connection that has gone is noticed by the manager in a moment
	}
	return err
}

func (b *Broker) head() (number uint64, line []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ring) == 0 {
		return 0, nil, false
	}
	return b.first, b.ring[0], true
}

// done takes out an event that was sent. One that had to make room meanwhile is not lost after all.
func (b *Broker) done(number uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent.Sent++
	if len(b.ring) > 0 && b.first == number {
		b.ring[0] = nil
		b.ring = b.ring[1:]
		b.first++
	} else {
		b.sent.Lost--
	}
}

// Topic is the topic of a box: {box} is its name.
func Topic(topic, box string) string { return strings.ReplaceAll(topic, "{box}", box) }
