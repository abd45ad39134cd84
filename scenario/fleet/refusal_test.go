package fleet

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// The NATS server takes the agent's password no more for a while: the agent says so, and takes part
// in runs again when it does.
func TestPasswordRefusedForAWhile(t *testing.T) {
	t.Parallel()
	user := func(password string) func(*natsserver.Options) {
		return func(o *natsserver.Options) { o.Username, o.Password = "agent", password }
	}
	s := broker(t, 0, user("right"))
	port := s.Addr().(*net.TCPAddr).Port
	url := fmt.Sprintf("nats://agent:right@127.0.0.1:%d", port)
	log := &lockedBuffer{}
	helper(t, AgentOptions{URL: url, Name: "a0", Part: talk, Log: log})
	s.Shutdown()
	s.WaitForShutdown()
	s = broker(t, port, user("wrong"))
	// By default the client gives up when one server has refused it twice.
	for deadline := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		v, err := s.Varz(nil)
		if err != nil {
			t.Fatal(err)
		}
		if v.TotalConnections >= 4 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the agent came %d times: %s", v.TotalConnections, log)
		}
	}
	s.Shutdown()
	s.WaitForShutdown()
	broker(t, port, user("right"))
	c, err := Open(context.Background(), Options{URL: url, Agents: 1, Wait: wait})
	if err != nil {
		t.Fatalf("%v; the agent says %s", err, log)
	}
	c.Close()
	for _, says := range []string{"the connection to NATS is lost", "refuses this process: nats: authorization violation; check the credentials", "connected to NATS again, at nats://***@127.0.0.1"} {
		if n := strings.Count(log.String(), says); n == 0 || says[0] == 'r' && n > 1 {
			t.Errorf("%q stands %d times in %s", says, n, log)
		}
	}
}

// Of a certificate that is not taken a user is told what is to be done: the authority is unknown, or
// the name or the time is another one.
func TestCertificatesThatAreNotTaken(t *testing.T) {
	t.Parallel()
	has := httptest.NewTLSServer(nil) // a certificate
	defer has.Close()
	known := x509.NewCertPool()
	known.AddCert(has.Certificate())
	url := broker(t, 0, func(o *natsserver.Options) { o.TLSConfig, o.TLSTimeout = has.TLS.Clone(), wait.Seconds() }).Addr().String()
	for want, trusts := range map[string]*tls.Config{
		"certificate of its authority in NATS_CA": {},
		"a name that its certificate has":         {RootCAs: known, ServerName: "another.test"},
		"give the server another certificate":     {RootCAs: known, Time: func() time.Time { return has.Certificate().NotAfter.Add(time.Hour) }},
	} {
		if _, err := connect("tls://"+url, nats.Secure(trusts)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s: %v", want, err)
		}
	}
}

// Who may not ask for agents is told so, instead of that there are none.
func TestMayNotAsk(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*natsserver.Permissions{
		"publish":   {Publish: &natsserver.SubjectPermission{Deny: []string{"throng.>"}}},
		"subscribe": {Subscribe: &natsserver.SubjectPermission{Deny: []string{"_INBOX.>"}}},
	} {
		s := broker(t, 0, func(o *natsserver.Options) {
			o.Users = []*natsserver.User{{Username: "u", Password: "p", Permissions: p}, {Username: "agent", Password: "p"}}
		})
		helper(t, AgentOptions{URL: "nats://agent:p@" + s.Addr().String(), Name: "a0", Part: talk})
		_, err := List(context.Background(), "nats://u:p@"+s.Addr().String())
		if err == nil || !strings.Contains(err.Error(), "let the user publish and subscribe on throng.>") || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	s := broker(t, 0, func(o *natsserver.Options) {
		o.Users = []*natsserver.User{{Username: "u", Password: "p", Permissions: &natsserver.Permissions{Subscribe: &natsserver.SubjectPermission{Deny: []string{"throng.fleet.>"}}}}}
	})
	err := Serve(t.Context(), AgentOptions{URL: "nats://u:p@" + s.Addr().String(), Name: "a0", Part: talk})
	if err == nil || !strings.Contains(err.Error(), "let the user publish and subscribe on throng.>") {
		t.Errorf("an agent: got %v", err)
	}
}

// An agent that may not do on the NATS server what it must says so.
func TestPermissionMissing(t *testing.T) {
	t.Parallel()
	url := broker(t, 0, func(o *natsserver.Options) {
		o.Users = []*natsserver.User{{Username: "agent", Password: "p", Permissions: &natsserver.Permissions{
			Subscribe: &natsserver.SubjectPermission{Deny: []string{"throng.run.>"}},
		}}}
	}).Addr().String()
	log := &lockedBuffer{}
	url = "nats://agent:p@" + url
	helper(t, AgentOptions{URL: url, Name: "a0", Part: talk, Log: log})
	told := &lockedBuffer{}
	c, err := Open(context.Background(), Options{URL: url, Agents: 1, Wait: wait, Log: told})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const says = "permissions violation: Permissions Violation for Subscription to"
	for deadline := time.Now().Add(wait); !strings.Contains(log.String(), says) || !strings.Contains(told.String(), says); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the agent says %s; the controller says %s", log, told)
		}
	}
	if n := strings.Count(log.String(), "let the user publish and subscribe on throng.>"); n != 1 {
		t.Errorf("the agent says it %d times: %s", n, log)
	}
}

// What others have told an agent is one line of its log.
func TestLogIsLines(t *testing.T) {
	var log bytes.Buffer
	a := &agent{opt: AgentOptions{Log: &log}}
	a.logf("trial %d: %v", 1, errors.New("the target says\n12:00:00 the run has ended\x1b[2J"))
	if got := log.String(); !strings.HasSuffix(got, ` trial 1: the target says\n12:00:00 the run has ended\x1b[2J`+"\n") || strings.Count(got, "\n") != 1 {
		t.Errorf("%q", got)
	}
}
