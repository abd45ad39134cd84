// Package site serves the page of an application.
package site

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"github.com/valyala/fasthttp"
)

//go:embed plain.js
var plain string

// policy lets the page load nothing from elsewhere, and run no script that came by other ways than
// its files.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

type file struct{ kind, tag, body string }

func fileOf(name string, body []byte) file {
	sum := sha256.Sum256(body)
	return file{kinds[path.Ext(name)], `"` + hex.EncodeToString(sum[:8]) + `"`, string(body)}
}

// New returns the handler of a page and its files, which are those of the folder "page" of files,
// for requests that are not the Socket.IO server's. socketPath is that of the server
// (server.Options.Path, with the same default), and client the file there with the official client;
// if it is empty, the page uses a client of its own, /plain.js, which does no more than the pages
// need, and speaks JSON alone. index.html is a template that gets both, as Path and Client.
func New(files fs.FS, socketPath, client string) (fasthttp.RequestHandler, error) {
	entries, err := fs.ReadDir(files, "page")
	if err != nil {
		return nil, err
	}
	site := map[string]file{"/plain.js": fileOf("plain.js", []byte(plain))}
	if socketPath = strings.Trim(socketPath, "/"); socketPath == "" {
		socketPath = "socket.io"
	}
	socketPath = "/" + socketPath + "/"
	for _, entry := range entries {
		name := entry.Name()
		body, err := fs.ReadFile(files, "page/"+name)
		if err != nil {
			return nil, err
		}
		at := "/" + name
		if name == "index.html" {
			at = "/"
			page, err := template.New(name).Parse(string(body))
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			if err := page.Execute(&b, map[string]string{"Path": socketPath, "Client": client}); err != nil {
				return nil, err
			}
			body = b.Bytes()
		}
		site[at] = fileOf(name, body)
	}
	return func(ctx *fasthttp.RequestCtx) {
		f, found := site[string(ctx.Path())]
		h := &ctx.Response.Header
		h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
		switch {
		case !found:
			ctx.SetStatusCode(fasthttp.StatusNotFound)
			ctx.SetBodyString("not found\n")
			return
		case !ctx.IsGet() && !ctx.IsHead():
			ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
			h.Set(fasthttp.HeaderAllow, "GET, HEAD")
			return
		}
		h.Set(fasthttp.HeaderContentSecurityPolicy, policy)
		h.Set(fasthttp.HeaderReferrerPolicy, "no-referrer")
		h.Set(fasthttp.HeaderCacheControl, "no-cache")
		h.Set(fasthttp.HeaderETag, f.tag)
		if string(ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch)) == f.tag {
			ctx.SetStatusCode(fasthttp.StatusNotModified)
			return
		}
		ctx.SetContentType(f.kind)
		ctx.SetBodyString(f.body)
	}, nil
}
