package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/transport"
)

// clientNames are all files that are served: a list, not a pattern, so that no name from a request
// ever reaches the file system.
var clientNames = []string{
	"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js",
	"socket.io.js.map", "socket.io.min.js.map", "socket.io.esm.min.js.map", "socket.io.msgpack.min.js.map",
}

// clientFile is a file of the browser client, ready to be sent.
type clientFile struct {
	kind        string
	tag         string // without quotes
	plain, gzip []byte
}

// clientFiles reads the files that fsys has.
func clientFiles(fsys fs.FS) (map[string]*clientFile, error) {
	if fsys == nil {
		return nil, nil
	}
	files := map[string]*clientFile{}
	for _, name := range clientNames {
		b, err := fs.ReadFile(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, refuse("Client", "cannot be read: %v", err)
		}
		sum := sha256.Sum256(b)
		f := &clientFile{kind: "application/javascript; charset=utf-8", tag: hex.EncodeToString(sum[:8]), plain: b}
		if strings.HasSuffix(name, ".map") {
			f.kind = "application/json; charset=utf-8"
		}
		var packed bytes.Buffer
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		_, _ = w.Write(b) // into memory: it does not fail
		_ = w.Close()
		f.gzip = packed.Bytes()
		files[name] = f
	}
	if len(files) == 0 {
		return nil, refuse("Client", "holds no %s; it should be the folder dist of the npm package socket.io-client", clientNames[0])
	}
	return files, nil
}

// serveClient answers a request for a file of the client, and reports whether it was one. name is
// the path below Options.Path as it was sent, with the query.
func (s *Server) serveClient(ctx *fasthttp.RequestCtx, name string) bool {
	name, _, _ = strings.Cut(name, "?")
	f := s.client[name]
	if f == nil || !ctx.IsGet() && !ctx.IsHead() {
		return false
	}
	if s.opts.CORS != nil {
		(*transport.CORS)(s.opts.CORS).Apply(ctx)
	}
	body, tag := f.plain, f.tag
	h := &ctx.Response.Header
	if ctx.Request.Header.HasAcceptEncoding("gzip") {
		body, tag = f.gzip, f.tag+"-gzip"
		h.Set(fasthttp.HeaderContentEncoding, "gzip")
	}
	h.Set(fasthttp.HeaderCacheControl, "public, max-age=0")
	h.Set(fasthttp.HeaderETag, `"`+tag+`"`)
	h.Add(fasthttp.HeaderVary, fasthttp.HeaderAcceptEncoding)
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	if matches(string(ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch)), tag) {
		h.Del(fasthttp.HeaderContentEncoding)
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return true
	}
	ctx.SetContentType(f.kind)
	ctx.Response.SetBodyRaw(body)
	return true
}

// matches reports whether an If-None-Match header names a tag, by the weak comparison (RFC 9110,
// section 13.1.2).
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.Trim(strings.TrimPrefix(one, "W/"), `"`) == tag {
			return true
		}
	}
	return false
}
