package adapter_test

import (
	"context"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/redis/rueidis"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
)

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count is the number of lines with a text.
func (l *lines) count(text string) (n int) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// TestRestartedBroker: while the broker is away each server goes on by itself; when it is back they
// hear one another again, and what could not be sent meanwhile is sent.
func TestRestartedBroker(t *testing.T) {
	for _, form := range []string{"unix", "unix+sharded", "unix+streams"} {
		t.Run(form, func(t *testing.T) {
			socket, broker := redis(t)
			log := &lines{}
			n := start(t, form+"://"+socket, 2, adapter.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
			a, b := connect(t, n[0]), connect(t, n[1])
			a.join(n[0], "r")
			b.join(n[1], "r")
			check(t, n[0].To("r").Emit("before"))
			a.expect(`42["before"]`)
			b.expect(`42["before"]`)
			check(t, broker.Kill())
			wait(t, "the end of Redis", func() bool {
				c, err := net.Dial("unix", socket)
				if err == nil {
					_ = c.Close()
				}
				return err != nil
			})
			check(t, n[0].To("r").Emit("meanwhile"))
			a.expect(`42["meanwhile"]`)
			wait(t, "the notice", func() bool { return !n[0].cluster.Stats().Connected && !n[1].cluster.Stats().Connected })
			redisAt(t, socket)
			wait(t, "the subscriptions", func() bool { return n[1].cluster.Stats().Reconnects > 0 })
			ready(t, n[1])
			check(t, n[0].To("r").Emit("after"))
			a.expect(`42["after"]`)
			for {
				got := b.read()
				if got == `42["after"]` {
					break
				}
				if got != `42["meanwhile"]` {
					t.Fatalf("got %q", got)
				}
			}
			wait(t, "an empty queue", func() bool { return n[0].cluster.Stats().Queued == 0 })
			wait(t, "health", func() bool { return n[0].cluster.Stats().Connected && n[1].cluster.Stats().Connected })
			lost, back := log.count("the broker fails"), log.count("the broker works again")
			if lost != 2 || back != 2 || log.count("") != 4 {
				t.Errorf("the log of two servers says\n%s", log)
			}
		})
	}
}

// TestStats: what went to the broker and came from it is counted, and so are the other servers.
func TestStats(t *testing.T) {
	brokers(t, func(t *testing.T, address string) {
		n := start(t, address, 2, adapter.Options{})
		a, b := connect(t, n[0]), connect(t, n[1])
		before := n[0].cluster.Stats()
		for range 10 {
			check(t, n[0].Emit("e", "text"))
			a.expect(`42["e","text"]`)
			b.expect(`42["e","text"]`)
		}
		wait(t, "the numbers", func() bool {
			s := n[0].cluster.Stats()
			return s.Published >= before.Published+10 && s.PublishedBytes > before.PublishedBytes+100 && s.Nodes == 1 && s.Queued == 0
		})
		s := n[1].cluster.Stats()
		if name, _, _ := strings.Cut(strings.Replace(address, "unix", "redis", 1), ":"); s.Adapter != name {
			t.Errorf("the adapter is called %q", s.Adapter)
		}
		if s.Received < 10 || s.ReceivedBytes < 100 || !s.Connected || s.Dropped+s.Failed+s.Malformed+s.Unknown+s.Timeouts != 0 {
			t.Errorf("got %+v", s)
		}
		// A question that a server does not answer in time counts, and is kept no longer.
		n[1].OnServerEvent("q", func(*server.Event) error { return nil })
		answers := make(chan server.Answers, 1)
		check(t, n[0].ServerSideEmitWithAck(1, func(got server.Answers) { answers <- got }, "q"))
		if got := <-answers; got.MissingRemote == 0 {
			t.Errorf("got %+v", got)
		}
		wait(t, "the count", func() bool { return n[0].cluster.Stats().Timeouts == 1 })
	})
}

// TestForeignMessages: what a later version may send, and what is no message at all, is counted and
// ignored.
func TestForeignMessages(t *testing.T) {
	socket, _ := redis(t)
	o, err := rueidis.ParseURL("unix://" + socket)
	check(t, err)
	o.DisableCache = true
	client, err := rueidis.NewClient(o)
	check(t, err)
	defer client.Close()
	unknown := `{"type":99,"data":{"new":true},"uid":"0123456789abcdef","nsp":"/"}`
	for _, form := range []struct {
		name             string
		unknown, nothing []string
	}{
		{"unix", []string{"PUBLISH", "P-request#/#", `{"uid":"abcdef","type":99}`}, []string{"PUBLISH", "P#/#", "\x00"}},
		{"unix+sharded", []string{"SPUBLISH", "P#/#", unknown}, []string{"SPUBLISH", "P#/#", "{"}},
		{
			"unix+streams",
			[]string{"XADD", "P", "*", "uid", "x", "nsp", "/", "type", "99", "data", "{}"},
			[]string{"XADD", "P", "*", "uid", "x", "nsp", "/", "type", "3", "data", "%"},
		},
	} {
		t.Run(form.name, func(t *testing.T) {
			n := start(t, form.name+"://"+socket, 1, adapter.Options{})[0]
			c := connect(t, n)
			for _, command := range [][]string{form.unknown, form.nothing, {"PUBLISH", "P#/#", "x"}} {
				channel := strings.Replace(command[1], "P", prefix(t), 1)
				check(t, client.Do(t.Context(), client.B().Arbitrary(command[0]).Keys(channel).Args(command[2:]...).Build()).Error())
			}
			wait(t, "the counts", func() bool {
				s := n.cluster.Stats()
				return s.Unknown == 1 && s.Malformed > 0
			})
			check(t, n.Emit("still there"))
			c.expect(`42["still there"]`)
		})
	}
}

// TestTooLargeForBroker: a message beyond NATS's max_payload is counted and in the log, and those
// behind it arrive.
func TestTooLargeForBroker(t *testing.T) {
	log := &lines{}
	n := start(t, "nats+embedded://127.0.0.1:0", 1, adapter.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})[0]
	check(t, n.Emit("large", strings.Repeat("x", 2<<20)))
	wait(t, "the refusal", func() bool { return n.cluster.Stats().Failed == 1 })
	check(t, n.Emit("small"))
	wait(t, "health", func() bool { return n.cluster.Stats().Connected && n.cluster.Stats().Queued == 0 })
	if log.count("raise its max_payload") != 1 || log.count("a message has 209") != 1 {
		t.Errorf("the log says %s", log)
	}
}

// natsWith runs a NATS server in this process for the length of the test.
func natsWith(t *testing.T, o natsserver.Options) *natsserver.Server {
	t.Helper()
	o.Host, o.NoSigs, o.NoLog = "127.0.0.1", true, true
	s, err := natsserver.NewServer(&o)
	check(t, err)
	go s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not listen")
	}
	return s
}

// TestRefusedByNATS: a server that does not take the password for a while does not end the
// connection for good.
func TestRefusedByNATS(t *testing.T) {
	natsAt := func(password string, port int) *natsserver.Server {
		t.Helper()
		return natsWith(t, natsserver.Options{Port: port, Username: "u", Password: password})
	}
	s := natsAt("p,w", natsserver.RANDOM_PORT)
	at := s.Addr().(*net.TCPAddr)
	n := start(t, "nats://u:p,w@127.0.0.1:1?addr="+at.String(), 1, adapter.Options{})[0]
	s.Shutdown()
	s.WaitForShutdown()
	s = natsAt("another", at.Port)
	wait(t, "the attempts", func() bool {
		v, err := s.Varz(nil)
		check(t, err)
		return v.TotalConnections >= 4 // by default the client gives up after two
	})
	s.Shutdown()
	s.WaitForShutdown()
	natsAt("p,w", at.Port)
	wait(t, "the connection", func() bool { return n.cluster.Stats().Connected && n.cluster.Stats().Reconnects == 1 })
}

// TestQuestionsWithoutBroker: while the broker stands still, a question to other servers ends when
// its time is over, with one answer missing where nobody can say how many there are.
func TestQuestionsWithoutBroker(t *testing.T) {
	socket, broker := redis(t)
	n := start(t, "unix://"+socket, 2, adapter.Options{RequestTimeout: 500 * time.Millisecond})
	a := connect(t, n[0])
	check(t, broker.Signal(syscall.SIGSTOP))
	answers := make(chan server.Answers, 1)
	for range 5 {
		check(t, n[0].ServerSideEmitWithAck(200*time.Millisecond, func(got server.Answers) { answers <- got }, "q"))
		if got := <-answers; len(got.All) != 0 || got.MissingRemote != 1 {
			t.Errorf("an event for servers: %+v", got)
		}
		check(t, n[0].Everyone().EmitWithAck(200*time.Millisecond, func(got server.Answers) { answers <- got }, "q"))
		a.expectPrefix("42")
		if got := <-answers; len(got.All) != 0 || len(got.Missing) != 1 || got.MissingRemote != 1 {
			t.Errorf("a broadcast: %+v", got)
		}
	}
	all, err := n[0].Everyone().Fetch(t.Context())
	if len(all) != 1 || err == nil || !strings.Contains(err.Error(), "cannot count the nodes") {
		t.Errorf("%d sockets, %v", len(all), err)
	}
	check(t, broker.Signal(syscall.SIGCONT))
}

// badLog is a log with a mistake.
type badLog struct{ slog.Handler }

func (badLog) Enabled(context.Context, slog.Level) bool  { return true }
func (badLog) Handle(context.Context, slog.Record) error { panic("on purpose") }

// TestPanicInTheLog: lines are written on goroutines of the connection to the broker, where a panic
// would end the process.
func TestPanicInTheLog(t *testing.T) {
	socket, process := redis(t)
	n := start(t, "unix://"+socket, 2, adapter.Options{Logger: slog.New(badLog{})})
	c := connect(t, n[1])
	check(t, exec.Command("redis-cli", "-s", socket, "PUBLISH", prefix(t)+"#/#", "no message").Run())
	wait(t, "the message that cannot be read", func() bool { return n[1].cluster.Stats().Malformed == 1 })
	check(t, process.Kill())
	wait(t, "the end of the broker", func() bool { return !n[0].cluster.Stats().Connected && !n[1].cluster.Stats().Connected })
	redisAt(t, socket)
	for i := range n {
		ready(t, n[i])
	}
	check(t, n[0].Emit("on"))
	c.expect(`42["on"]`)
}
