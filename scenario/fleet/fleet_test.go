package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/result"
)

// wait is how long a test waits for what must happen.
const wait = 30 * time.Second

// broker starts a NATS server on a port, 0 for any.
func broker(t *testing.T, port int, with ...func(*natsserver.Options)) *natsserver.Server {
	t.Helper()
	if port == 0 {
		port = natsserver.RANDOM_PORT
	}
	o := &natsserver.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true}
	for _, f := range with {
		f(o)
	}
	s, err := natsserver.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(wait) {
		t.Fatal("NATS does not listen")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// helper starts an agent, and returns what ends it.
func helper(t *testing.T, o AgentOptions) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	o.Ready = func() { close(ready) }
	go func() { done <- Serve(ctx, o) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func open(t *testing.T, url string, agents int) *Controller {
	t.Helper()
	c, err := Open(context.Background(), Options{URL: url, Agents: agents})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// talk is a part that tells the others and the controller its place, repeats what it hears to the
// controller, and ends with the trial.
func talk(ctx context.Context, job []byte, l scenario.Link) error {
	if string(job) == "no target" && l.Self() == 1 {
		return &scenario.TargetError{URL: "http://10.0.0.1:3000", Err: errors.New("refused")}
	}
	if string(job) == "refuse" && l.Self() == 1 {
		return errors.New("there is no room for it here")
	}
	epoch, err := l.Epoch(ctx)
	if err != nil {
		return nil
	}
	if off := l.Fleet(client.Now()) - epoch; off.Abs() > wait {
		return fmt.Errorf("the epoch is %v away", off)
	}
	large := strings.Repeat("x", 3*chunk)
	err = errors.Join(l.Report(fmt.Appendf(nil, "%s of %d: %s", l.Agents()[l.Self()].Name, l.Self(), job)), l.Mesh(-1, fmt.Appendf(nil, "from %d%s", l.Self(), large)))
	for err == nil {
		var m scenario.LinkMessage
		if m, err = l.Next(ctx); err == nil {
			err = l.Report(fmt.Appendf(nil, "heard %d: %s", m.From, bytes.TrimSuffix(m.Data, []byte(large))))
		}
	}
	return nil
}

// collect reads messages until so many have come.
func collect(t *testing.T, p scenario.Parts, n int) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	got := map[string]int{}
	for range n {
		m, err := p.Next(ctx)
		if err != nil {
			t.Fatalf("%v after %v", err, got)
		}
		text := string(m.Data)
		if m.Lost != nil {
			text = "lost: " + m.Lost.Error()
		}
		got[fmt.Sprintf("%d %s", m.Agent, text)]++
	}
	return got
}

func begin(t *testing.T, c *Controller, job string) scenario.Parts {
	t.Helper()
	p, err := c.Begin(context.Background(), []byte(job))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(client.Now()); err != nil {
		t.Fatal(err)
	}
	return p
}

// want fails when messages are not what was expected.
func want(t *testing.T, got map[string]int, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if got[line] != 1 {
			t.Errorf("%q came %d times: %v", line, got[line], got)
		}
	}
}

func TestTrials(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	for i := range 3 {
		helper(t, AgentOptions{URL: url, Name: fmt.Sprint("a", i), Part: talk})
	}
	c := open(t, url, 3)
	for trial := range 3 {
		p := begin(t, c, fmt.Sprint("trial ", trial))
		if err := p.Tell([]byte("order")); err != nil {
			t.Fatal(err)
		}
		got := collect(t, p, 3+3+6)
		for i := range 3 {
			want(t, got, fmt.Sprintf("%d a%d of %[1]d: trial %[3]d", i, i, trial), fmt.Sprintf("%d heard -1: order", i))
			for j := range 3 {
				if i != j {
					want(t, got, fmt.Sprintf("%d heard %d: from %[2]d", i, j))
				}
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Begin(context.Background(), []byte("no target"))
	if target, is := errors.AsType[*scenario.TargetError](err); !is || target.URL != "http://10.0.0.1:3000" || !strings.HasPrefix(err.Error(), "the agent a1: the target http://10.0.0.1:3000 cannot be reached") {
		t.Errorf("without a target: %v", err)
	}
	if _, err := c.Begin(context.Background(), []byte("refuse")); err == nil || err.Error() != "the agent a1: there is no room for it here" {
		t.Errorf("a part that cannot be: %v", err)
	}
	for _, a := range c.Agents() {
		if a.BoundUs != 0 || a.OffsetUs > 1000 || a.OffsetUs < -1000 {
			t.Errorf("the clock of one machine: %+v", a)
		}
	}
}

// Agents whose clocks have to be compared are right within the bound that is told.
func TestClocksApart(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	own := ownTimebase()
	for i := range 2 {
		helper(t, AgentOptions{URL: url, Name: fmt.Sprint("a", i), apart: true, Part: func(ctx context.Context, _ []byte, l scenario.Link) error {
			if _, err := l.Epoch(ctx); err != nil {
				return err
			}
			// In this process both have one clock. The bound, which comes with the epoch, becomes
			// narrower meanwhile.
			now, bound := client.Now(), l.Bound()
			off := l.Fleet(now) - now
			return l.Report(fmt.Appendf(nil, "right %v", off.Abs() <= bound))
		}})
	}
	c := open(t, url, 2)
	want(t, collect(t, begin(t, c, "job"), 2), "0 right true", "1 right true")
	for _, a := range c.Agents() {
		// The clock of the day may be set meanwhile, by less than a second.
		if off := time.Duration(a.OffsetUs) * time.Microsecond; a.BoundUs <= 0 || off.Abs() > time.Duration(a.BoundUs)*time.Microsecond+time.Second {
			t.Errorf("%+v, of the clock %+v", a, own)
		}
	}
}

// While one run has its agents, another gets the others, and neither sees the other's messages.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	for i := range 2 {
		helper(t, AgentOptions{URL: url, Name: fmt.Sprint("a", i), Part: talk})
	}
	first, second := open(t, url, 1), open(t, url, 1)
	const both = ", not 1; others take no part: a0 (busy), a1 (busy)"
	for deadline := time.Now().Add(wait); ; { // an agent may take its time to answer
		_, err := Open(context.Background(), Options{URL: url, Agents: 1, Wait: time.Millisecond})
		if err != nil && strings.Contains(err.Error(), "0 agents are free at "+url+both) {
			break
		}
		if err == nil || time.Now().After(deadline) {
			t.Fatalf("a third: %v", err)
		}
	}
	p, q := begin(t, first, "first"), begin(t, second, "second")
	name := func(c *Controller) string { return c.Agents()[0].Name }
	if name(first) == name(second) {
		t.Errorf("both runs have %s", name(first))
	}
	want(t, collect(t, p, 1), "0 "+name(first)+" of 0: first")
	want(t, collect(t, q, 1), "0 "+name(second)+" of 0: second")
	first.Close()
	// the agent is free again, soon
	third, err := Open(context.Background(), Options{URL: url, Agents: 1, Wait: wait})
	if err != nil {
		t.Fatal(err)
	}
	want(t, collect(t, begin(t, third, "third"), 1), "0 "+name(first)+" of 0: third")
	third.Close()
	second.Close()
}

// Runs that begin at the same time do not take each other's agents, and each gets one.
func TestRunsAtOnce(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	const runs = 3
	for i := range runs {
		helper(t, AgentOptions{URL: url, Name: fmt.Sprint("a", i), Part: talk})
	}
	got, failed := make(chan *Controller, runs), make(chan error, runs)
	for range runs {
		go func() {
			c, err := Open(context.Background(), Options{URL: url, Agents: 1, Wait: wait})
			if err != nil {
				failed <- err
				return
			}
			got <- c
		}()
	}
	names := map[string]bool{}
	for range runs {
		select {
		case err := <-failed:
			t.Error(err)
		case c := <-got:
			names[c.Agents()[0].Name] = true
			defer c.Close()
		}
	}
	if len(names) != runs {
		t.Errorf("they have %v", names)
	}
}

// An agent that ends is lost at once; the others go on.
func TestAgentEnds(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	helper(t, AgentOptions{URL: url, Name: "a0", Part: talk})
	stop := helper(t, AgentOptions{URL: url, Name: "a1", Part: talk})
	c := open(t, url, 2)
	p := begin(t, c, "job")
	collect(t, p, 2+2)
	stop()
	want(t, collect(t, p, 1), "1 lost: it has ended")
	if err := p.Tell([]byte("on")); err != nil {
		t.Fatal(err)
	}
	want(t, collect(t, p, 1), "0 heard -1: on")
	_, err := c.Begin(context.Background(), nil)
	if _, is := errors.AsType[*scenario.AgentError](err); !is || err.Error() != "the agent a1 is gone: it has ended" {
		t.Errorf("the next trial: %v", err)
	}
}

// A part that fails in the middle is lost, with the reason.
func TestPartFails(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	helper(t, AgentOptions{URL: url, Name: "a0", Part: func(ctx context.Context, _ []byte, l scenario.Link) error {
		if _, err := l.Epoch(ctx); err != nil {
			return err
		}
		return errors.New("out of memory")
	}})
	c := open(t, url, 0)
	want(t, collect(t, begin(t, c, "job"), 1), "0 lost: out of memory")
}

// The controller goes without a word: the part is told, and the agent is free.
func TestControllerGone(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	told := make(chan error, 1)
	helper(t, AgentOptions{URL: url, Part: func(ctx context.Context, _ []byte, l scenario.Link) error {
		if _, err := l.Epoch(ctx); err != nil {
			return err
		}
		_, err := l.Next(ctx)
		told <- err
		return nil
	}})
	c := open(t, url, 1)
	begin(t, c, "job")
	c.conn.Close() // as if it were killed
	select {
	case err := <-told:
		if err == nil || !strings.Contains(err.Error(), "the controller is gone") {
			t.Errorf("the part is told: %v", err)
		}
	case <-time.After(wait):
		t.Fatal("the part is not told")
	}
	open(t, url, 1)
}

// The NATS server is started again: what was lost on the way comes again.
func TestBrokerRestarts(t *testing.T) {
	t.Parallel()
	s := broker(t, 0)
	url := s.ClientURL()
	helper(t, AgentOptions{URL: url, Name: "a0", Part: talk})
	helper(t, AgentOptions{URL: url, Name: "a1", Part: talk})
	c := open(t, url, 2)
	p := begin(t, c, "job")
	collect(t, p, 2+2)
	const orders = 200
	for i := range orders {
		if err := p.Tell(fmt.Appendf(nil, "order %d", i)); err != nil {
			t.Fatal(err)
		}
		if i == orders/2 {
			s.Shutdown()
			s.WaitForShutdown()
			broker(t, portOf(t, url))
		}
	}
	got := collect(t, p, 2*orders)
	for i := range orders {
		want(t, got, fmt.Sprintf("0 heard -1: order %d", i), fmt.Sprintf("1 heard -1: order %d", i))
	}
}

func portOf(t *testing.T, url string) (port int) {
	t.Helper()
	if _, err := fmt.Sscanf(url[strings.LastIndexByte(url, ':')+1:], "%d", &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// Who is not of the run changes nothing by what it publishes, and an agent takes work only from
// whom it was told to.
func TestStrangers(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	log := &lockedBuffer{}
	dir := t.TempDir()
	seed, public, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	file := dir + "/key"
	writeFile(t, file, seed)
	helper(t, AgentOptions{URL: url, Name: "a0", Part: talk, Accept: []string{public}, Log: log})
	if _, err := Open(context.Background(), Options{URL: url, Agents: 1}); err == nil || !strings.Contains(err.Error(), "name the file of an identity that it accepts with --identity") {
		t.Errorf("another controller: %v", err)
	}
	c, err := Open(context.Background(), Options{URL: url, Agents: 1, Identity: file})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := begin(t, c, "job")
	collect(t, p, 1)
	stranger, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	seen := make(chan *nats.Msg, 1000)
	if _, err := stranger.ChanSubscribe("throng.>", seen); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Tell([]byte("a secret order")), stranger.Flush()); err != nil {
		t.Fatal(err)
	}
	want(t, collect(t, p, 1), "0 heard -1: a secret order")
	// everything that it has seen, again, and nonsense, on every subject
	for n := len(seen); n > 0; n-- {
		msg := <-seen
		if bytes.Contains(msg.Data, []byte("secret order")) {
			t.Error("the order can be read")
		}
		_ = stranger.Publish(msg.Subject, msg.Data)
	}
	for _, k := range kindNames {
		for _, from := range []string{"0", "1", "2", "x", "-1"} {
			_ = stranger.Publish("throng.run."+c.m.run+"."+k+"."+from, []byte("nonsense that is long enough to be a message"))
		}
	}
	for _, text := range []string{"", "{}", `{"claim":{},"signature":""}`, strings.Repeat("[", 10000)} {
		_ = stranger.Publish(agentSubject+"x", []byte(text))
		if reply, err := stranger.Request(agentSubject+idOf(t, url), []byte(text), wait); err != nil || !strings.Contains(string(reply.Data), "error") {
			t.Errorf("%.20q: %v, %v", text, reply, err)
		}
	}
	if err := stranger.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := p.Tell([]byte("on")); err != nil {
		t.Fatal(err)
	}
	want(t, collect(t, p, 1), "0 heard -1: on")
}

// idOf is the id of the only agent.
func idOf(t *testing.T, url string) string {
	t.Helper()
	all, err := List(context.Background(), url)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	return all[0].ID
}

// A claim that was seen once is not taken again.
func TestOldClaim(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	helper(t, AgentOptions{URL: url, Name: "a0", Part: talk})
	spy, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer spy.Close()
	sub, err := spy.SubscribeSync(agentSubject + idOf(t, url))
	if err != nil {
		t.Fatal(err)
	}
	if err := spy.Flush(); err != nil {
		t.Fatal(err)
	}
	open(t, url, 1).Close()
	claim, err := sub.NextMsg(wait)
	if err != nil {
		t.Fatal(err)
	}
	for {
		reply, err := spy.Request(claim.Subject, claim.Data, wait)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(reply.Data), "busy") {
			continue // it has not noticed yet that the run has ended
		}
		if !strings.Contains(string(reply.Data), "the claim is an old one") {
			t.Errorf("the answer is %s", reply.Data)
		}
		return
	}
}

// An agent of another build is listed, and takes no part.
func TestOtherBuild(t *testing.T) {
	c := card{ID: "x"}
	c.Agent.Name, c.Agent.Version = "old", "another"
	if c.state() != stateOther {
		t.Errorf("its state is %s", c.state())
	}
}

// A claim is taken from its controller alone, whole, and only if there is a place for the agent.
func TestClaimsAreChecked(t *testing.T) {
	_, public, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := identityOf("")
	if err != nil {
		t.Fatal(err)
	}
	own, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	good := claim{Build: Build(), Identity: own, Agents: make([]result.Agent, 2), Self: 1}
	other, none, below, long, stolen := good, good, good, good, good
	other.Build = "another"
	none.Self, below.Self = 2, -1
	long.Name = strings.Repeat("x", maxText)
	stolen.Identity = public // signed by its own key still
	for name, tt := range map[string]struct {
		claim  claim
		id     string
		accept []string
		says   string // "": it is taken
	}{
		"good":               {good, "x", nil, ""},
		"accepted":           {good, "x", []string{public, own}, ""},
		"another agent":      {good, "y", nil, "not signed"},
		"not accepted":       {good, "x", []string{public}, "takes no work"},
		"another's identity": {stolen, "x", []string{public}, "not signed"},
		"another build":      {other, "x", []string{public, own}, "another build"},
		"no place":           {none, "x", nil, "no place"},
		"no place below":     {below, "x", nil, "no place"},
		"too long":           {long, "x", nil, "too long"},
	} {
		text, err := tt.claim.sign("x", pair)
		if err != nil {
			t.Fatal(err)
		}
		_, err = readClaim(tt.id, text, tt.accept)
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A lockedBuffer is a log that goroutines share.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

var _ io.Writer = (*lockedBuffer)(nil)
