// Package interop checks Throng against the official Socket.IO packages, because two halves of one
// project that agree with each other prove nothing. The tests need Node.js, the packages of the
// lock files here, in ../peers/node and in ../peers/shop, nginx, HAProxy and python-socketio, all
// of which "make deps" installs, and stand behind the build tag "interop":
//
//	go test -tags interop ./bench/interop
//
// The *.test.mjs files drive the official clients (socket.io-client, engine.io-client). Each runs
// twice: against `throng serve`, which is the test, and against the official server in
// ../peers/node, which tests the test. The Go tests drive the client and the runner of Throng
// against the official server, and pages in Chromium: the chat of `throng serve` in several tabs,
// and what loads the official client.
package interop
