package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/server"
)

// maxPEM is how many bytes a file with a certificate or a key may have.
const maxPEM = 1 << 20

// listening is where and how serve listens.
type listening struct {
	address   string
	cert, key string // files; empty: no TLS
	parent    bool   // a process reads what is printed: it hears of the goroutines
	quic      quicListening
}

func (l *listening) register(f *pflag.FlagSet) {
	f.StringVar(&l.address, "listen", "localhost:3000", "address to listen on; port 0 takes a free one; unix:PATH is a unix socket")
	f.StringVar(&l.cert, "tls-cert", "", "serve https and wss with the certificate in this PEM file; needs --tls-key")
	f.StringVar(&l.key, "tls-key", "", "key of the certificate, a PEM file")
	l.quic.register(f)
}

// doors are where serve listens.
type doors struct {
	url       string // of the first listener
	note      string // about WebTransport
	listeners []net.Listener
	sockets   []net.PacketConn // of WebTransport
	quic      *tls.Config
}

// serve serves srv until it has shut down, or one of the doors cannot be served any more. It
// returns the first error, and wait, which waits for all of them.
func (d *doors) serve(srv *server.Server) (failed <-chan error, wait func()) {
	ended := make(chan error, len(d.listeners)+len(d.sockets))
	var all sync.WaitGroup
	for _, ln := range d.listeners {
		all.Go(func() { ended <- srv.Serve(ln) })
	}
	for _, socket := range d.sockets {
		all.Go(func() { ended <- srv.ServeWebTransport(socket, d.quic) })
	}
	return ended, all.Wait
}

// listen opens the doors.
func (l *listening) listen() (*doors, error) {
	config, err := l.tls()
	if err != nil {
		return nil, err
	}
	d := &doors{}
	if d.listeners, d.url, err = l.listeners(config); err != nil {
		return nil, err
	}
	if d.sockets, d.quic, d.note, err = l.quic.listen(config, d.listeners[0].Addr()); err != nil {
		for _, ln := range d.listeners {
			_ = ln.Close()
		}
		return nil, err
	}
	return d, nil
}

// listeners opens the listeners for HTTP, and returns the URL of the first.
func (l *listening) listeners(config *tls.Config) (listeners []net.Listener, url string, err error) {
	if strings.HasPrefix(l.address, "unix:") {
		var ln net.Listener
		ln, err = listenOn(l.address)
		listeners, url = []net.Listener{ln}, l.address
	} else if listeners, err = listenAll(l.address); err == nil {
		url = "http://" + listeners[0].Addr().String()
	}
	if err != nil {
		return nil, "", err
	}
	if config == nil {
		return listeners, url, nil
	}
	for i, ln := range listeners {
		listeners[i] = server.NewTLSListener(ln, config)
	}
	return listeners, strings.Replace(url, "http:", "https:", 1), nil
}

// tls returns the configuration of TLS, nil for none.
func (l *listening) tls() (*tls.Config, error) {
	switch {
	case l.cert == "" && l.key == "":
		return nil, nil
	case l.cert == "":
		return nil, errors.New("--tls-key needs --tls-cert, the certificate of the key")
	case l.key == "":
		return nil, errors.New("--tls-cert needs --tls-key, the key of the certificate")
	}
	for _, file := range []string{l.cert, l.key} {
		if _, err := regular.ReadFile(file, maxPEM); err != nil {
			return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
	}
	config, err := server.TLSConfig(l.cert, l.key)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return config, nil
}

// listenAll listens on an address; for localhost on both address families, as
// clients may try either, with the same port.
func listenAll(address string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("--listen %q is not an address (%s); use HOST:PORT, such as localhost:3000 or :3000", address, whatOf(err))
	}
	if host != "localhost" {
		ln, err := listenOn(address)
		if err != nil {
			return nil, err
		}
		return []net.Listener{ln}, nil
	}
	four, err := listenOn(net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	listeners := []net.Listener{four}
	chosen := strconv.Itoa(four.Addr().(*net.TCPAddr).Port)
	six, err := listenOn(net.JoinHostPort("::1", chosen))
	switch {
	case err == nil:
		listeners = append(listeners, six)
	case errors.Is(err, syscall.EADDRINUSE):
		_ = four.Close()
		return nil, err
	}
	return listeners, nil // without IPv6 on this machine, IPv4 has to do
}

func listenOn(address string) (net.Listener, error) {
	ln, err := server.Listen(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && strings.HasPrefix(address, "unix:"):
		return nil, fmt.Errorf("--listen %s: another server listens there (%w); choose another path", address, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--listen %s: the port is in use (%w); choose another, or :0 for a free one", address, err)
	case errors.Is(err, syscall.EACCES) && !strings.HasPrefix(address, "unix:"):
		return nil, fmt.Errorf("--listen %s: not permitted (%w); choose a port above 1023", address, err)
	case err != nil:
		return nil, fmt.Errorf("--listen %s: %w", address, err)
	}
	return ln, nil
}
