package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// maxSocket is the longest path of a Unix socket (unix(7): 108 bytes with its end), less the 17 bytes that ssh adds while it makes one.
const maxSocket = 107 - 17

// shared are the options by which requests share one connection, which ssh keeps for a while after the last of them
// (ssh_config(5), ControlPersist): the next one is spared the key exchange. config is what ssh -G says for the host. Nil
// where the user's own configuration shares connections already, or where there is no private folder for the socket.
func shared(config []byte, keep time.Duration) []string {
	own := bytes.Contains(config, []byte("\ncontrolpath ")) && !bytes.Contains(config, []byte("\ncontrolpath none\n"))
	if keep < time.Second || own {
		return nil
	}
	socket, err := controlPath(config)
	if err != nil || len(socket) > maxSocket {
		return nil
	}
	return []string{"-o", "ControlMaster=auto", "-o", "ControlPath=" + socket, "-o", fmt.Sprintf("ControlPersist=%d", int(keep.Seconds())), "-o", "ServerAliveInterval=15"}
}

// controlPath is a socket by host, account, port, key and everything else that makes a connection: who comes with
// another key has rights of his own, and must not come by this one.
func controlPath(config []byte) (string, error) {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = cache
	}
	dir = filepath.Join(dir, "secateur", "ssh")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(config, os.Getenv("SSH_AUTH_SOCK")...))
	return filepath.Join(dir, fmt.Sprintf("%x", sum[:8])), nil
}
