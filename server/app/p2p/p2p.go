// Package p2p is the application of the server whose clients exchange messages peer to peer: the
// signalling of package server/signalling with a web page, whose module peer.js is a peer for
// browsers that other pages may use as it is.
package p2p

import (
	"embed"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app/internal/site"
	"github.com/throng-io/throng/server/signalling"
)

// The limits of the application are wide, since scenarios run against it: a room of 64, and what
// each of them sends when all messages must be relayed.
const (
	maxPeers  = 64
	perSecond = 5_000
	burst     = 20_000
)

// New puts the signalling on a namespace, for everybody and every room.
func New(ns *server.Namespace) error {
	return signalling.New(ns, signalling.Options{
		Peers:   maxPeers,
		Signals: signalling.Limit{PerSecond: perSecond, Burst: burst},
		Relayed: signalling.Limit{PerSecond: perSecond, Burst: burst},
	})
}

//go:embed page
var files embed.FS

// Site returns the handler of the page and its files, for requests that are not the Socket.IO
// server's. socketPath is that of the server (server.Options.Path, with the same default), and
// client the file there with the official client; if it is empty, the page uses a client of its
// own, which does no more than the page needs, and speaks JSON alone.
func Site(socketPath, client string) (fasthttp.RequestHandler, error) {
	return site.New(files, socketPath, client)
}
