package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/scenario/link"
)

// links are the ways from servers to their broker, one each.
type links []*link.Link

// newLinks makes links to a broker.
func newLinks(broker string, count int) (all links, err error) {
	for range count {
		l, err := link.Start(broker, nil)
		if err != nil {
			all.close()
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// set puts all links into a state.
func (all links) set(s link.State) {
	for _, l := range all {
		l.Set(s)
	}
}

func (all links) close() {
	for _, l := range all {
		l.Close()
	}
}

// network is a namespace of the network for one server, and the cable to it.
type network struct {
	name, device string
	host         string // the address of this end
}

// newNetwork makes a namespace. Its names and addresses are those of the port that is free, so that
// several programs can do so at once.
func newNetwork() (*network, error) {
	probe, err := program.FreePort("127.0.0.1")
	if err != nil {
		return nil, err
	}
	subnet := fmt.Sprintf("10.213.%d.%d", probe>>6&255, probe<<2&255)
	n := &network{name: fmt.Sprintf("throng%d", probe), device: fmt.Sprintf("th%d", probe)}
	var a, b, c, d int
	_, _ = fmt.Sscanf(subnet, "%d.%d.%d.%d", &a, &b, &c, &d)
	n.host = fmt.Sprintf("%d.%d.%d.%d", a, b, c, d+1)
	there := fmt.Sprintf("%d.%d.%d.%d/30", a, b, c, d+2)
	for _, command := range []string{
		"netns add " + n.name,
		"link add " + n.device + " type veth peer name e0 netns " + n.name,
		"address add " + n.host + "/30 dev " + n.device,
		"link set " + n.device + " up",
		"-n " + n.name + " address add " + there + " dev e0",
		"-n " + n.name + " link set e0 up",
		"-n " + n.name + " link set lo up",
	} {
		if err := ip(command); err != nil {
			return nil, errors.Join(err, n.close())
		}
	}
	return n, nil
}

// cut takes the cable out: what is sent is lost, and nobody is told.
func (n *network) cut() error { return ip("link set " + n.device + " down") }

func (n *network) join() error { return ip("link set " + n.device + " up") }

func (n *network) close() error { return ip("netns delete " + n.name) } // the cable goes with it

func ip(command string) error {
	if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s (it needs root)", command, err, strings.TrimSpace(string(out)))
	}
	return nil
}
