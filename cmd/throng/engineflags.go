package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
)

// protocolFlags defines the flags for what clients may speak.
func protocolFlags(f *pflag.FlagSet, opts *server.Options) {
	f.StringVar(&opts.Path, "path", "", `path of the server (default "/socket.io/", for the engine application "/engine.io/")`)
	f.Var(parserFlag{&opts.Parser}, "parser", "how packets are encoded: json, or msgpack for clients with socket.io-msgpack-parser")
	f.StringSliceVar(&opts.Transports, "transports", []string{"polling", "websocket"}, "transports that clients may use")
	f.BoolVar(&opts.NoUpgrades, "no-upgrades", false, "keep clients that began with polling there")
	f.BoolVar(&opts.AllowEIO3, "allow-eio3", false, "serve clients of Socket.IO 2 (Engine.IO 3) as well")
	f.BoolVar(&opts.AllowJSONP, "allow-jsonp", false, "let clients poll by script elements, which pages of every site can do (--allow-eio3 includes it)")
	f.BoolVar(&opts.NoTrailingSlash, "no-trailing-slash", false, "serve clients that leave out the slash at the end of the path as well")
	f.BoolVar(&opts.PerMessageDeflate, "per-message-deflate", false, "compress messages on websockets of clients that ask for it")
	f.BoolVar(&opts.NoHTTPCompression, "no-http-compression", false, "send the answers to polls as they are")
	f.Var(bytesOf(&opts.CompressThreshold, 1024), "compress-threshold", "size from which something is compressed")
}

// timeFlags defines the flags for how long clients may take.
func timeFlags(f *pflag.FlagSet, opts *server.Options) {
	f.Var(milliseconds(&opts.PingInterval, 25*time.Second), "ping-interval", "from a pong to the next ping")
	f.Var(milliseconds(&opts.PingTimeout, 20*time.Second), "ping-timeout", "how long a pong may take")
	f.Var(milliseconds(&opts.UpgradeTimeout, 10*time.Second), "upgrade-timeout", "how long an upgrade may take")
	f.Var(milliseconds(&opts.ConnectTimeout, 45*time.Second), "connect-timeout", "how long a client may stay without a namespace")
}

// parserFlag is a flag with the name of a parser.
type parserFlag struct{ p *socketio.Parser }

func (v parserFlag) String() string {
	if v.p == nil {
		return ""
	}
	return v.p.String()
}

func (v parserFlag) Type() string { return "string" }

func (v parserFlag) Set(s string) error {
	for _, p := range []socketio.Parser{socketio.JSON, socketio.MessagePack} {
		if p.String() == s {
			*v.p = p
			return nil
		}
	}
	return errors.New("use json or msgpack")
}

// duration is a flag for options that Socket.IO gives in milliseconds: a bare
// number is taken so.
type duration struct{ d *time.Duration }

func milliseconds(d *time.Duration, value time.Duration) duration {
	*d = value
	return duration{d}
}

func (v duration) String() string {
	if v.d == nil {
		return ""
	}
	return v.d.String()
}

func (v duration) Type() string { return "duration" }

func (v duration) Set(s string) error {
	if ms, err := strconv.ParseInt(s, 10, 32); err == nil {
		s = strconv.FormatInt(ms, 10) + "ms"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return errors.New("write a positive duration such as 300ms or 25s")
	}
	*v.d = d
	return nil
}
