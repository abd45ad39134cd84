// Package app holds the applications of the built-in server: what it does for the clients that
// connect to it.
package app

import (
	"fmt"
	"maps"
	"slices"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app/chat"
	"github.com/throng-io/throng/server/app/p2p"
	"github.com/throng-io/throng/server/app/plain"
)

// apps make a server with an application, by its name.
var apps = map[string]func(server.Options) (*server.Server, error){
	"bench":    newBench,
	"protocol": func(opts server.Options) (*server.Server, error) { return with(Protocol, opts) },
	"engine":   newEngine,
	"chat":     newChat,
	"p2p":      newP2P,
}

// Names lists the applications, sorted.
func Names() []string { return slices.Sorted(maps.Keys(apps)) }

// New returns a server with the named application on it.
func New(name string, opts server.Options) (*server.Server, error) {
	app := apps[name]
	if app == nil {
		return nil, fmt.Errorf("application %q is unknown; use one of %v", name, Names())
	}
	return app(opts)
}

// with returns a server on which an application is installed.
func with(install func(*server.Server), opts server.Options) (*server.Server, error) {
	srv, err := server.New(opts)
	if err != nil {
		return nil, err
	}
	install(srv)
	return srv, nil
}

// newBench returns a server with the benchmark contract, and beside it with the baselines of
// package plain, unless the options have another use for other requests.
func newBench(opts server.Options) (*server.Server, error) {
	if opts.Other == nil {
		full, err := opts.WithDefaults()
		if err != nil {
			return nil, err
		}
		limits := plain.Limits{Message: full.Limits.MaxPayload, Sessions: full.Limits.MaxSessions}
		opts.Other = plain.New(limits).Handle
	}
	return with(Bench, opts)
}

// newEngine returns a server of bare Engine.IO.
func newEngine(opts server.Options) (*server.Server, error) {
	opts.Engine = Echo
	return server.New(opts)
}

// newChat returns a server with the chat and its page, and with state recovery.
func newChat(opts server.Options) (*server.Server, error) {
	if opts.Recovery == nil {
		opts.Recovery = &server.Recovery{}
	}
	srv, opts, err := withPage(opts, "chat", chat.Site)
	if err != nil {
		return nil, err
	}
	chat.New(srv, opts.Recovery.MaxDisconnection)
	return srv, nil
}

// newP2P returns a server whose clients meet peer to peer, with its page and the benchmark
// contract.
func newP2P(opts server.Options) (*server.Server, error) {
	srv, _, err := withPage(opts, "p2p", p2p.Site)
	if err != nil {
		return nil, err
	}
	Bench(srv)
	return srv, p2p.New(srv.Namespace)
}

// withPage returns a server with the page of an application, and the options that it has.
func withPage(opts server.Options, name string, site func(path, client string) (fasthttp.RequestHandler, error)) (*server.Server, server.Options, error) {
	opts, err := opts.WithDefaults()
	if err != nil {
		return nil, opts, err
	}
	client := ""
	switch {
	case opts.Parser == socketio.JSON && opts.Client != nil:
		client = "socket.io.min.js"
	case opts.Client != nil:
		client = "socket.io.msgpack.min.js"
	case opts.Parser != socketio.JSON:
		return nil, opts, fmt.Errorf("the page of %s has a client for JSON only; give it the official one by --client-dir, or leave --parser out", name)
	case !slices.Contains(opts.Transports, "websocket"):
		return nil, opts, fmt.Errorf("the page of %s has a client for websockets only; give it the official one by --client-dir, or allow websocket by --transports", name)
	}
	if opts.Other, err = site(opts.Path, client); err != nil {
		return nil, opts, err
	}
	srv, err := server.New(opts)
	return srv, opts, err
}

// Echo answers each Engine.IO message with the same one: the application "engine".
func Echo(s *server.EngineSession, data []byte, binary bool) { s.Send(data, binary) }
