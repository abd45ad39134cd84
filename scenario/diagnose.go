package scenario

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/throng-io/throng/scenario/client"
)

// diagnose names in one clause the likeliest reason why a client could not connect or upgrade, and
// the remedy; "" when the error already explains itself. secure: the target's URL uses TLS. first:
// no client has connected yet; after the first success the address, the path and the parser are
// known to be right.
func diagnose(err error, secure, first bool) string {
	d, ok := errors.AsType[*client.DialError](err)
	if !ok {
		return ""
	}
	if _, plain := errors.AsType[tls.RecordHeaderError](d.Err); plain {
		return "the server there does not speak TLS: write http:// (or ws://) instead"
	}
	causes := causes
	if d.Protocol != "" && d.Protocol != client.SocketIO {
		causes = plainCauses
	}
	for i := range causes {
		c := &causes[i]
		if c.class == d.Class && (c.stage == "" || c.stage == d.Stage) && (!secure || !c.plain) && (first || !c.first) {
			return c.text
		}
	}
	if strings.HasPrefix(d.Class, "http.3") {
		return "set target.url to the new address"
	}
	return ""
}

// Texts that several causes share.
const (
	wrongPath  = "no Socket.IO server answers at that path: name the right path with --set target.path=/PATH/ (a namespace is namespace: of the group)"
	otherThing = "check that it speaks Socket.IO there and under that path (--set target.path=/PATH/; a namespace is namespace: of the group)"
	noHeaders  = "a proxy in front drops the headers Upgrade and Connection: let it pass them on (nginx: proxy_http_version 1.1 and both proxy_set_header), or use transport: polling"
	notSticky  = "the proxy at this address has sent a request of a session to another node than the one that opened it: make it keep a session at its node, by a cookie or by the node's name in the sid (sticky sessions; a hash of the sid does not), or use transport: websocket"
	tooOld     = "this server speaks Engine.IO 4, as Socket.IO 3 and later do: remove engine: 3, or set allowEIO3 in the server"
	badTLS     = "name its certificate authority with --set target.tls.ca=FILE, the certificate itself with --set target.tls.hash=SHA256, or accept any certificate with --set target.tls.insecure=true (target: {tls: ...} in the scenario)"
	noUpstream = "the proxy in front does not reach the server behind it"
	overloaded = "the server, or the proxy in front, takes no more connections"
	tooFast    = "a rate limit refuses clients: let them come more slowly with connect: {rate: ...}"
	noUDP      = "UDP is blocked on the way, or no HTTP/3 server listens at that port of UDP: check firewalls, and --set target.webtransport=HOST:PORT"
	noHost     = "check the name of the host"
	noPort     = "this machine has no local port left for connections to that address, those just closed included: give the group more source addresses with connect: {from: [...]}, or widen net.ipv4.ip_local_port_range"
	noFile     = "this process has no file descriptor left: raise its limit (ulimit -n)"
	silentTLS  = "it took the connection and did not answer the TLS handshake: if it does not speak TLS, write http:// (or ws://) instead"
	badParser  = "servers with another parser close the connection like this: set the group's parser: to the parser of the server (json or msgpack)"
)

// A cause is the likeliest reason of failures at a stage with a class.
type cause struct {
	stage, class string // stage "": all
	plain        bool   // without TLS alone
	first        bool   // of the first client alone
	text         string
}

// causes are the likeliest ones, by the stage and the class of a client.DialError. The first that
// fits is it.
var causes = []cause{
	{class: "dns", text: noHost},
	{class: "ports", text: noPort},
	{class: "files", text: noFile},
	{class: "tls", text: badTLS},
	{stage: "tls", class: "timeout", first: true, text: silentTLS},
	{stage: "quic", class: "timeout", text: noUDP},
	{stage: "quic", class: "refused", text: "no HTTP/3 server listens at that port of UDP: name its address with --set target.webtransport=HOST:PORT"},
	{class: "quic_version", text: "the clients speak QUIC 1 and 2 (RFC 9000, RFC 9369): update the server, or choose another transport"},
	{class: "no_webtransport", text: "nothing there serves WebTransport: name the address of its HTTP/3 with --set target.webtransport=HOST:PORT, or choose another transport"},
	{stage: "open", class: "closed", first: true, plain: true, text: "check that it speaks Socket.IO there and under that path (--set target.path=/PATH/; a namespace is namespace: of the group), and not over TLS: then write https://"},
	{stage: "open", class: "reset", first: true, plain: true, text: "check that it speaks Socket.IO there, and not over TLS: then write https://"},
	{stage: "open", class: "closed", first: true, text: wrongPath},
	{stage: "open", class: "timeout", first: true, text: "it took the connection and did not answer the handshake: check the path (--set target.path=/PATH/), or whether it is overloaded"},
	{stage: "open", class: "page", text: "every path there answers with a web page: name the path of Socket.IO with --set target.path=/PATH/, or let the proxy in front pass that path on"},
	{stage: "open", class: "http.200", first: true, text: otherThing},
	{stage: "open", class: "protocol", first: true, text: otherThing},
	{stage: "open", class: "http.404", first: true, text: wrongPath},
	{stage: "open", class: "http.405", first: true, text: wrongPath},
	{stage: "open", class: "http.502", text: noUpstream},
	{stage: "open", class: "http.503", text: overloaded},
	{stage: "open", class: "http.429", text: tooFast},
	{stage: "open", class: "engine.0", text: "the server has this transport switched off: choose another with transport:"},
	{stage: "open", class: "engine.3", text: noHeaders},
	{stage: "upgrade", class: "engine.3", text: noHeaders},
	{stage: "namespace", class: "engine.1", text: notSticky},
	{stage: "upgrade", class: "engine.1", text: notSticky},
	{class: "version", text: "this is a Socket.IO 2 server: write target: {engine: 3}, or --set target.engine=3"},
	{class: "newer", text: tooOld},
	{class: "engine.5", text: tooOld},
	{stage: "namespace", class: "closed", first: true, text: badParser},
	{stage: "namespace", class: "engine.3", first: true, text: badParser},
	{stage: "namespace", class: "protocol", first: true, text: badParser},
	{stage: "namespace", class: "timeout", text: "it opened the session and did not answer CONNECT: check the group's namespace:, and that each middleware of the server calls next()"},
	{stage: "namespace", class: "connect_error", text: "it refused the client: check auth, query, headers, namespace and before of the group"},
}

// plainCauses are the causes at a target without Socket.IO.
var plainCauses = []cause{
	{class: "dns", text: noHost},
	{class: "ports", text: noPort},
	{class: "files", text: noFile},
	{class: "tls", text: badTLS},
	{stage: "tls", class: "timeout", first: true, text: silentTLS},
	{stage: "open", class: "closed", first: true, plain: true, text: "check the port and the path (--set target.path=/PATH), and that it does not speak TLS: then write https:// or wss://"},
	{stage: "open", class: "reset", first: true, plain: true, text: "check the port, and that it does not speak TLS: then write https:// or wss://"},
	{stage: "open", class: "page", text: "a web page is at that path: name the right path with --set target.path=/PATH"},
	{stage: "open", class: "http.400", text: "it is no websocket at that path, or " + noHeaders},
	{stage: "open", class: "http.401", text: "it refused the client: check the group's headers and query"},
	{stage: "open", class: "http.403", text: "it refused the client: check the group's headers (such as Origin) and query"},
	{stage: "open", class: "http.404", text: "name the right path with --set target.path=/PATH"},
	{stage: "open", class: "http.426", text: noHeaders},
	{stage: "open", class: "http.502", text: noUpstream},
	{stage: "open", class: "http.503", text: overloaded},
	{stage: "open", class: "http.429", text: tooFast},
	{stage: "open", class: "protocol", text: "check target.protocol and target.path: another kind of service answers there"},
	{stage: "namespace", class: "closed", text: "it closed the connection instead of sending the event that frames: {welcome: ...} names: check the group's auth"},
	{stage: "namespace", class: "timeout", text: "it did not send the event that frames: {welcome: ...} names: check it, and the group's auth"},
}

// diagnosed adds the likeliest cause to an error of the client's connection.
func (a *actor) diagnosed(err error) error {
	if why := diagnose(err, secureURL(a.group.configs[a.transport].URL), a.group.held.Load() == 0); why != "" {
		return fmt.Errorf("%w; %s", err, why)
	}
	return err
}

func secureURL(url string) bool {
	return strings.HasPrefix(url, "https:") || strings.HasPrefix(url, "wss:")
}
