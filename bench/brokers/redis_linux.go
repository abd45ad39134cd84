package brokers

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Redis starts a Redis server at a host of this machine. Further arguments are options of
// redis-server; without any it keeps nothing.
func Redis(host string, options ...string) (*Process, error) {
	return launch(host, func(port int, dir string) ([]string, error) {
		return append([]string{
			"redis-server", "--port", strconv.Itoa(port), "--bind", host, "--protected-mode", "no", "--save", "", "--dir", dir, "--loglevel", "warning",
		}, options...), nil
	})
}

// Durable are the options with which Redis has everything again after a restart.
var Durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// CLI runs redis-cli at a server, and returns what it says.
func CLI(addr string, args ...string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	out, err := exec.Command("redis-cli", append([]string{"-h", host, "-p", port}, args...)...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err == nil && strings.HasPrefix(text, "ERR") {
		err = errors.New("it is refused")
	}
	if err != nil {
		err = fmt.Errorf("redis-cli %s at %s: %w: %s", strings.Join(args, " "), addr, err, text)
	}
	return text, err
}

// Several are the processes of one broker.
type Several []*Process

// Stop ends all, and removes what they have kept.
func (s Several) Stop() error {
	var errs []error
	for _, p := range s {
		errs = append(errs, p.Stop())
	}
	return errors.Join(errs...)
}

// RedisCluster starts a Redis Cluster of three masters. Its address for servers is
// SCHEME://A?addr=B&addr=C, see URL.
func RedisCluster() (all Several, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, all.Stop())
		}
	}()
	create := []string{"--cluster", "create"}
	for range 3 {
		p, err := Redis("127.0.0.1", "--appendonly", "yes", "--appendfsync", "always", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-config-file", "nodes.conf")
		if err != nil {
			return all, err
		}
		all = append(all, p)
		create = append(create, p.Addr)
	}
	if out, err := exec.Command("redis-cli", append(create, "--cluster-yes")...).CombinedOutput(); err != nil {
		return all, fmt.Errorf("redis-cli --cluster create: %w: %s", err, bytes.TrimSpace(out))
	}
	for _, p := range all {
		if err := Until(p.Addr+" is part of the cluster", func() (bool, error) {
			info, err := CLI(p.Addr, "cluster", "info")
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3"), nil
		}); err != nil {
			return all, err
		}
	}
	return all, nil
}

// MasterName is the name of the master that Sentinel watches.
const MasterName = "throng"

// Guarded is a Redis master with a replica, watched by three sentinels.
type Guarded struct {
	Master, Replica *Process
	Sentinels       Several
}

// Stop ends all processes.
func (g *Guarded) Stop() error {
	all := g.Sentinels
	for _, p := range []*Process{g.Master, g.Replica} {
		if p != nil {
			all = append(all, p)
		}
	}
	return all.Stop()
}

// RedisSentinel starts a master with a replica, and three sentinels that make the replica the
// master when the master has been away for a second. See Guarded.URL.
func RedisSentinel() (g *Guarded, err error) {
	g = &Guarded{}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Stop())
		}
	}()
	if g.Master, err = Redis("127.0.0.1"); err != nil {
		return g, err
	}
	host, port, _ := net.SplitHostPort(g.Master.Addr)
	if g.Replica, err = Redis("127.0.0.1", "--replicaof", host, port, "--repl-diskless-sync-delay", "0"); err != nil {
		return g, err
	}
	if err = Until("the replica follows", func() (bool, error) {
		info, err := CLI(g.Replica.Addr, "info", "replication")
		return err == nil && strings.Contains(info, "master_link_status:up"), nil
	}); err != nil {
		return g, err
	}
	for range 3 {
		p, err := launch("127.0.0.1", func(own int, dir string) ([]string, error) {
			file := filepath.Join(dir, "sentinel.conf")
			return []string{"redis-server", file, "--sentinel"}, os.WriteFile(file, fmt.Appendf(nil, `port %d
bind 127.0.0.1
dir %s
sentinel monitor %s %s %s 2
sentinel down-after-milliseconds %[3]s 1000
sentinel failover-timeout %[3]s 5000
`, own, dir, MasterName, host, port), 0o600)
		})
		if err != nil {
			return g, err
		}
		g.Sentinels = append(g.Sentinels, p)
	}
	return g, Until("the sentinels know each other", func() (bool, error) {
		for _, p := range g.Sentinels {
			info, err := CLI(p.Addr, "sentinel", "master", MasterName)
			if err != nil || !strings.Contains(info, "num-other-sentinels\n2\n") || !strings.Contains(info, "num-slaves\n1\n") {
				return false, nil
			}
		}
		return true, nil
	})
}

// URL is the address of several servers for --adapter, with a scheme such as redis+sharded.
func (s Several) URL(scheme string) string {
	more := url.Values{}
	for _, p := range s[1:] {
		more.Add("addr", p.Addr)
	}
	return scheme + "://" + s[0].Addr + "?" + more.Encode()
}

// URL is the address of the master behind the sentinels.
func (g *Guarded) URL(scheme string) string {
	return g.Sentinels.URL(scheme) + "&master_set=" + MasterName
}
