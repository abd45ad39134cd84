//go:build interop && cluster

package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/peer"
)

// TestPeersApart runs a server and two peers in namespaces of the network of their own. Both peers
// reach the server, which routes between them or does not: they meet, or use the relay, and know
// that ICE failed. As root.
func TestPeersApart(t *testing.T) {
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s; run the test as root, with iproute2", strings.Join(args, " "), err, out)
		}
	}
	hub := fmt.Sprintf("p2p%dh", os.Getpid())
	sides := []string{fmt.Sprintf("p2p%da", os.Getpid()), fmt.Sprintf("p2p%db", os.Getpid())}
	for _, ns := range append(sides, hub) {
		ip("netns", "add", ns)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
		ip("-n", ns, "link", "set", "lo", "up")
	}
	for i, ns := range sides {
		ip("-n", hub, "link", "add", ns[3:], "type", "veth", "peer", "name", "e0", "netns", ns)
		ip("-n", hub, "addr", "add", fmt.Sprintf("10.77.%d.254/24", i), "dev", ns[3:])
		ip("-n", hub, "link", "set", ns[3:], "up")
		ip("-n", ns, "addr", "add", fmt.Sprintf("10.77.%d.1/24", i), "dev", "e0")
		ip("-n", ns, "link", "set", "e0", "up")
		ip("-n", ns, "route", "add", "default", "via", fmt.Sprintf("10.77.%d.254", i))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	server := exec.CommandContext(ctx, "ip", "netns", "exec", hub, throng, "serve", "--app", "p2p", "--listen", "0.0.0.0:3000")
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = server.Wait()
	}()
	for _, routed := range []string{"0", "1"} {
		t.Run("forwarding="+routed, func(t *testing.T) {
			if out, err := exec.Command("ip", "netns", "exec", hub, "sh", "-c", "echo "+routed+" > /proc/sys/net/ipv4/ip_forward").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			want := "fallback ice\ngot it relayed\n"
			if routed == "1" {
				want = "open\ngot it direct\n"
			}
			cmds, outs := make([]*exec.Cmd, 2), make([]bytes.Buffer, 2)
			for i, ns := range sides {
				cmds[i] = exec.CommandContext(ctx, "ip", "netns", "exec", ns, os.Args[0])
				cmds[i].Env = append(os.Environ(), fmt.Sprintf("%s=http://10.77.%d.254:3000", peerURL, i))
				cmds[i].Stdout, cmds[i].Stderr = &outs[i], os.Stderr
				if err := cmds[i].Start(); err != nil {
					t.Fatal(err)
				}
			}
			for i := range cmds {
				if err := cmds[i].Wait(); err != nil || outs[i].String() != want {
					t.Errorf("peer %d: %v, it printed\n%swant\n%s", i, err, outs[i].String(), want)
				}
			}
		})
	}
}

// peerURL is the variable of the environment that makes the program of the tests a peer.
const peerURL = "INTEROP_PEER_URL"

func init() {
	if url := os.Getenv(peerURL); url != "" {
		if err := bePeer(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// bePeer waits for another peer, prints how they meet, sends it a message, and prints which way its
// message came.
func bePeer(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var c *client.Client
	var err error
	for c == nil { // until the server listens
		if c, err = client.Dial(ctx, &client.Config{URL: url}); err != nil {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	states, got := make(chan peer.Peer, 16), make(chan peer.Way, 16)
	mesh, err := peer.New(peer.Config{
		Room: "apart", Emit: peer.Over(c, socketio.JSON, ""), Timeout: 10 * time.Second,
		Message: func(m peer.Message) { got <- m.Way },
		Peer: func(p peer.Peer) {
			if p.State == peer.Open || p.State == peer.Fallback {
				states <- p
			}
		},
	})
	if err != nil {
		return err
	}
	var run sync.WaitGroup
	run.Go(func() { _ = c.Run(goPeer{mesh}) }) // until it is closed
	defer func() {
		_ = mesh.Close()
		_ = c.Close()
		run.Wait()
	}()
	if err := mesh.Join(); err != nil {
		return err
	}
	var p peer.Peer
	select {
	case p = <-states:
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.Err != nil {
		fmt.Println(p.State, p.Err.Stage)
	} else {
		fmt.Println(p.State)
	}
	if _, err := mesh.Send(p.ID, []byte("it"), false); err != nil {
		return err
	}
	select {
	case way := <-got:
		fmt.Println("got it", way)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
