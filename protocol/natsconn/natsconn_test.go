package natsconn

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// An address that names a user is complete; others get what the environment has.
func TestOptions(t *testing.T) {
	t.Setenv("NATS_USER", "somebody")
	t.Setenv("NATS_PASSWORD", "secret")
	t.Setenv("NATS_CA", "ca.pem")
	for address, want := range map[string]int{"nats://h:1": 2, "nats://u:p@h:1": 0, "tls://u:p@h:1": 1} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		all, err := Options(u)
		if err != nil || len(all) != want {
			t.Errorf("%s: %d options, %v; want %d", address, len(all), err, want)
		}
	}
	t.Setenv("NATS_CA", "")
	var o nats.Options
	all, err := Options(&url.URL{Scheme: "nats", Host: "h:1"})
	if err != nil || len(all) != 1 || all[0](&o) != nil || o.User != "somebody" || o.Password != "secret" {
		t.Errorf("%d options, %v, user %q", len(all), err, o.User)
	}
	t.Setenv("NATS_CERT", "cert.pem")
	if _, err := Options(&url.URL{Scheme: "nats", Host: "h:1"}); err == nil {
		t.Error("a certificate without its key is taken")
	}
}

// The other servers of a cluster get the same user.
func TestSeveralServers(t *testing.T) {
	u, err := url.Parse("tls://user:word@a:1?addr=b:2&addr=[::1]:3")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"tls://user:word@a:1", "tls://user:word@b:2", "tls://user:word@[::1]:3"}
	if got := servers(u); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A password may hold a comma, and no error shows it.
func TestPasswordWithComma(t *testing.T) {
	u, err := url.Parse("nats://user:sec,ret@127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect("", Lasting(u)...)
	if err == nil {
		conn.Close()
		t.Fatal("something listens at port 1")
	}
	if strings.Contains(err.Error(), "sec") || strings.Contains(err.Error(), "ret@") || strings.Contains(err.Error(), "parse") {
		t.Errorf("the error is %q", err)
	}
}
