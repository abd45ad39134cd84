package brokers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
)

// natsServer builds the NATS server of the module that go.mod names, once, and returns the program.
// A process of this machine that builds it again finds it in the cache of the Go command.
var natsServer = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("throng-nats-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "nats-server")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build nats-server: %w: %s", err, out)
	}
	return program, nil
})

// NATS starts a NATS server at a host of this machine.
func NATS(host string) (*Process, error) {
	program, err := natsServer()
	if err != nil {
		return nil, err
	}
	return launch(host, func(port int, _ string) ([]string, error) {
		return []string{program, "-a", host, "-p", strconv.Itoa(port)}, nil
	})
}
