// Command redisclients measures the two Redis clients for Go under what a cluster adapter does:
// publishing one message at a time, many at once, and in batches, and receiving a channel. It
// starts a redis-server of its own. It is a module of its own, since the product needs only one of
// them:
//
//	cd bench/redisclients && go run .
//
// The clients take turns; figures are medians of the repeats: messages a second, and processor time
// of this process for each message.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

const (
	channel  = "socket.io#/#"
	messages = 20_000 // of one measurement
	repeats  = 7
)

var payload = strings.Repeat("x", 200)

func main() {
	if err := run(context.Background()); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "redisclients:", err)
		os.Exit(1)
	}
}

// A client publishes a batch in one round trip, and receives so many messages.
type client struct {
	name    string
	publish func(ctx context.Context, n int) error
	receive func(ctx context.Context, n int, subscribed func()) error
}

func run(ctx context.Context) error {
	if len(os.Args) == 3 { // the publisher of a measurement of receiving
		return publisher(ctx, os.Args[2])
	}
	dir, err := os.MkdirTemp("", "redisclients")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	socket := filepath.Join(dir, "s")
	redis := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := redis.Start(); err != nil {
		return fmt.Errorf("%w; apt-get install redis-server", err)
	}
	defer func() { _ = redis.Process.Kill(); _ = redis.Wait() }()
	for until := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("unix", socket)
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("Redis does not listen: %w", err)
		}
		<-time.After(10 * time.Millisecond)
	}
	r, err := ofRueidis(socket)
	if err != nil {
		return err
	}
	return measure(ctx, socket, []client{r, ofGoRedis(socket)})
}

func ofRueidis(socket string) (client, error) {
	o, err := rueidis.ParseURL("unix://" + socket)
	if err != nil {
		return client{}, err
	}
	o.DisableCache = true
	c, err := rueidis.NewClient(o)
	if err != nil {
		return client{}, err
	}
	publish := func(ctx context.Context, n int) error {
		commands := make([]rueidis.Completed, n)
		for i := range commands {
			commands[i] = c.B().Publish().Channel(channel).Message(payload).Build()
		}
		for _, result := range c.DoMulti(ctx, commands...) {
			if err := result.Error(); err != nil {
				return err
			}
		}
		return nil
	}
	receive := func(ctx context.Context, n int, subscribed func()) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		d, release := c.Dedicate()
		defer release()
		ended := d.SetPubSubHooks(rueidis.PubSubHooks{
			OnSubscription: func(s rueidis.PubSubSubscription) { subscribed() },
			OnMessage: func(rueidis.PubSubMessage) {
				if n--; n == 0 {
					cancel()
				}
			},
		})
		if err := d.Do(ctx, d.B().Subscribe().Channel(channel).Build()).Error(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		}
	}
	return client{"rueidis", publish, receive}, nil
}

func ofGoRedis(socket string) client {
	c := goredis.NewClient(&goredis.Options{Network: "unix", Addr: socket})
	publish := func(ctx context.Context, n int) error {
		if n == 1 {
			return c.Publish(ctx, channel, payload).Err()
		}
		_, err := c.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for range n {
				p.Publish(ctx, channel, payload)
			}
			return nil
		})
		return err
	}
	receive := func(ctx context.Context, n int, subscribed func()) error {
		s := c.Subscribe(ctx, channel)
		defer func() { _ = s.Close() }()
		if _, err := s.Receive(ctx); err != nil {
			return err
		}
		subscribed()
		for range n {
			if _, err := s.ReceiveMessage(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	return client{"go-redis", publish, receive}
}

// A task is what is measured. It returns how many messages it was about.
type task struct {
	name string
	do   func(ctx context.Context, c *client) (int, error)
}

func measure(ctx context.Context, socket string, clients []client) error {
	tasks := []task{
		{"publish, one at a time", batches(1, 1)},
		{"publish, 64 goroutines", batches(64, 1)},
		{"publish, batches of 8", batches(1, 8)},
		{"publish, batches of 64", batches(1, 64)},
		{"receive", func(ctx context.Context, c *client) (int, error) {
			return messages, c.receive(ctx, messages, func() {
				self, err := os.Executable()
				if err == nil {
					err = exec.Command(self, "publish", socket).Start()
				}
				if err != nil {
					panic(err)
				}
			})
		}},
	}
	fmt.Printf("%-24s %-10s %12s %12s\n", "", "", "messages/s", "CPU us each")
	for _, t := range tasks {
		rates, costs := make([][]float64, len(clients)), make([][]float64, len(clients))
		for range repeats {
			for i := range clients {
				began, before := time.Now(), cpu()
				n, err := t.do(ctx, &clients[i])
				if err != nil {
					return fmt.Errorf("%s, %s: %w", t.name, clients[i].name, err)
				}
				rates[i] = append(rates[i], float64(n)/time.Since(began).Seconds())
				costs[i] = append(costs[i], float64((cpu()-before).Nanoseconds())/1e3/float64(n))
			}
		}
		for i := range clients {
			fmt.Printf("%-24s %-10s %12.0f %12.2f\n", t.name, clients[i].name, median(rates[i]), median(costs[i]))
		}
	}
	return nil
}

// batches publishes from so many goroutines, so many messages at a time.
func batches(goroutines, size int) func(context.Context, *client) (int, error) {
	return func(ctx context.Context, c *client) (int, error) {
		errs := make([]error, goroutines)
		each := messages / goroutines / size
		var all sync.WaitGroup
		for g := range goroutines {
			all.Go(func() {
				for range each {
					if err := c.publish(ctx, size); err != nil {
						errs[g] = err
						return
					}
				}
			})
		}
		all.Wait()
		return each * goroutines * size, errors.Join(errs...)
	}
}

func publisher(ctx context.Context, socket string) error {
	c, err := ofRueidis(socket)
	for left := messages; left > 0 && err == nil; left -= 100 {
		err = c.publish(ctx, 100)
	}
	return err
}

// cpu is the processor time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
