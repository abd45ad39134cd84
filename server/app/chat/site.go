package chat

import (
	"embed"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/app/internal/site"
)

//go:embed page
var files embed.FS

// Site returns the handler of the page and its files, for requests that are not the Socket.IO
// server's. socketPath is that of the server (server.Options.Path, with the same default), and
// client the file there with the official client; if it is empty, the page uses a client of its
// own, which does no more than the page needs, and speaks JSON alone.
func Site(socketPath, client string) (fasthttp.RequestHandler, error) {
	return site.New(files, socketPath, client)
}
