package adapter_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	random "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/redis/rueidis"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
)

// keyPair writes a certificate of 127.0.0.1, which is its own authority, and its key.
func keyPair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	check(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	check(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		check(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
	}
	return cert, key
}

// TestRedisOverTLS: a Redis with a certificate of its own authority, which asks its clients for one
// and for a password, as it does by default.
func TestRedisOverTLS(t *testing.T) {
	cert, key := keyPair(t)
	port := freePort(t)
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	redisOn(t, port, "--port", "0", "--tls-port", strconv.Itoa(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert,
		"--requirepass", "secret", "--save", "", "--dir", t.TempDir())
	refused := func(address, why string) {
		t.Helper()
		_, err := adapter.Open(address, adapter.Options{})
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", address, err, why)
		}
	}
	refused("rediss://:secret@"+at, "certificate signed by unknown authority")
	t.Setenv("REDIS_CA", cert)
	refused("rediss://:secret@"+at, "cannot connect to Redis at "+at) // it wants a certificate
	t.Setenv("REDIS_CERT", cert)
	refused("rediss://:secret@"+at, "REDIS_CERT and REDIS_KEY belong together")
	t.Setenv("REDIS_KEY", key)
	refused("rediss://:another-secret@"+at, "WRONGPASS")
	t.Setenv("REDIS_PASSWORD", "secret")
	for _, form := range []string{"rediss://", "rediss+sharded://", "rediss+streams://"} {
		t.Run(form, func(t *testing.T) {
			n := start(t, form+at, 2, adapter.Options{})
			b := connect(t, n[1])
			check(t, n[0].Emit("over TLS"))
			b.expect(`42["over TLS"]`)
		})
	}
	t.Setenv("REDIS_CA", key)
	refused("rediss://"+at, "holds no PEM certificate")
	t.Setenv("REDIS_CA", filepath.Join(t.TempDir(), "none.pem"))
	refused("rediss://"+at, "no such file")
}

// TestRedisACL: what the manual gives a user of Redis suffices, and what is missing is named.
func TestRedisACL(t *testing.T) {
	socket, _ := redis(t)
	o, err := rueidis.ParseURL("unix://" + socket)
	check(t, err)
	o.DisableCache = true
	admin, err := rueidis.NewClient(o)
	check(t, err)
	defer admin.Close()
	allow := func(t *testing.T, rules string) {
		t.Helper()
		check(t, admin.Do(t.Context(), admin.B().Arbitrary("ACL", "SETUSER", "throng").Args(strings.Fields(rules)...).Build()).Error())
	}
	manual, err := os.ReadFile("../README.md")
	check(t, err)
	for _, form := range []string{"redis", "redis+sharded", "redis+streams"} {
		t.Run(form, func(t *testing.T) {
			rules := "reset on >word -@all +ping +pubsub"
			for line := range strings.Lines(string(manual)) {
				if !strings.HasPrefix(line, "| `"+form+"://` | `+") {
					continue
				}
				for i, code := range strings.Split(line, "`") {
					if i > 2 && i%2 == 1 && code[0] != '&' { // which is an example
						rules += " " + code
					}
				}
			}
			rules = strings.ReplaceAll(rules, "socket.io", prefix(t))
			allow(t, rules)
			log := &lines{}
			address := strings.Replace(form, "redis", "unix", 1) + "://throng:word@" + socket
			n := start(t, address, 2, adapter.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
			meet(t, n)
			a, b := connect(t, n[0]), connect(t, n[1])
			a.join(n[0], "r")
			b.join(n[1], "r")
			for i := range 20 {
				check(t, n[0].To("r").Emit("x", i))
			}
			for i := range 20 {
				b.expect(fmt.Sprintf(`42["x",%d]`, i))
			}
			all, err := n[0].Everyone().Fetch(t.Context())
			if len(all) != 2 || err != nil || log.String() != "" {
				t.Errorf("%d sockets, %v; the log says %s", len(all), err, log)
			}
		})
	}
	const rest = "reset on >word -@all +ping +publish &* "
	t.Run("no counting", func(t *testing.T) {
		allow(t, rest+"+subscribe +unsubscribe +psubscribe +punsubscribe")
		log := &lines{}
		n := start(t, "unix://throng:word@"+socket, 1, adapter.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
		wait(t, "the word", func() bool { return log.count("cannot count the nodes") == 1 && log.count("NOPERM") == 1 })
		if _, err := n[0].Everyone().Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no subscriptions", func(t *testing.T) {
		allow(t, rest+"+pubsub")
		c, err := adapter.Open("unix://throng:word@"+socket, adapter.Options{Logger: slog.New(slog.DiscardHandler)})
		check(t, err)
		defer func() { _ = c.Close() }()
		srv, err := server.New(server.Options{Adapter: c.Adapter})
		check(t, err)
		defer func() { _ = srv.Shutdown(context.Background()) }()
		for limit := time.Second; ; limit *= 4 { // Redis may need its time to refuse
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			err = c.Ready(ctx)
			cancel()
			if err == nil || strings.Contains(err.Error(), "NOPERM") || limit > time.Minute {
				break
			}
		}
		if err == nil || !strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "word") {
			t.Errorf("got %v", err)
		}
	})
}

// TestNotSingleRedis: a server of a Redis Cluster whose user may not ask for the others is not taken
// for one of its own, and neither is a Sentinel.
func TestNotSingleRedis(t *testing.T) {
	for want, args := range map[string][]string{
		"+cluster":             {"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(freePort(t)), "--user", "some", "on", ">word", "+@all", "-cluster", "~*", "&*"},
		"there is a Sentinel:": {"--sentinel", "--user", "some", "on", ">word", "+@all", "~*", "&*"},
	} {
		dir, port := t.TempDir(), freePort(t)
		conf := filepath.Join(dir, "redis.conf") // which a Sentinel writes to
		check(t, os.WriteFile(conf, nil, 0o600))
		redisOn(t, port, append([]string{conf, "--port", strconv.Itoa(port), "--dir", dir}, args...)...)
		address := fmt.Sprintf("redis://some:word@127.0.0.1:%d", port)
		if _, err := adapter.Open(address, adapter.Options{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "word@") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// freePort is a port of 127.0.0.1 that was free a moment ago, and none of those that the system
// gives to connections and listeners of other tests by itself.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10_000 + random.IntN(20_000)
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			check(t, l.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// redisOn starts a Redis server that listens at a port of 127.0.0.1.
func redisOn(t *testing.T, port int, args ...string) {
	t.Helper()
	cmd := exec.Command("redis-server", append(args, "--bind", "127.0.0.1")...)
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	wait(t, "Redis", func() bool {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// TestNATSPermissions: what the manual gives a user of NATS suffices.
func TestNATSPermissions(t *testing.T) {
	for form, log := range map[string]bool{"nats": false, "nats+jetstream": true} {
		t.Run(form, func(t *testing.T) {
			allowed := &natsserver.Permissions{
				Publish:   &natsserver.SubjectPermission{Allow: []string{"throng.>"}},
				Subscribe: &natsserver.SubjectPermission{Allow: []string{"throng.>"}},
			}
			if log {
				name := "throng-" + base64.RawURLEncoding.EncodeToString([]byte(prefix(t)))
				allowed.Publish.Allow = append(allowed.Publish.Allow, "$JS.API.>", "$KV."+name+".>", name+".>")
				allowed.Subscribe.Allow = append(allowed.Subscribe.Allow, "_INBOX.>")
			}
			s := natsWith(t, natsserver.Options{
				Port: natsserver.RANDOM_PORT, JetStream: log, StoreDir: t.TempDir(),
				Users: []*natsserver.User{{Username: "u", Password: "p", Permissions: allowed}},
			})
			said := &lines{}
			address, o := form+"://u:p@"+s.Addr().String(), adapter.Options{Logger: slog.New(slog.NewTextHandler(said, nil))}
			if log {
				n := keepingFor(t, address, 2, o, server.Recovery{MaxDisconnection: time.Minute})
				meet(t, n)
				var c returning
				c.arrive(t, n[0])
				check(t, n[1].Emit("first"))
				c.next(`["first"]`)
				c.cut(n[0])
				check(t, n[1].Emit("missed"))
				if missed := c.arrive(t, n[1]); !c.recovered || !slices.Equal(missed, []string{`["missed"]`}) {
					t.Errorf("recovered %v with %v", c.recovered, missed)
				}
			} else {
				n := start(t, address, 2, o)
				meet(t, n)
				b := connect(t, n[1])
				check(t, n[0].Emit("hello"))
				b.expect(`42["hello"]`)
			}
			if said.String() != "" {
				t.Errorf("the log says %s", said)
			}
		})
	}
}
