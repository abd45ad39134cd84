package transport

import (
	"crypto/tls"
	"net"
)

// TLSListener is a listener like that of tls.NewListener. Where there is a poller, it can take over
// those of its connections that are of TCP or unix sockets.
type TLSListener struct {
	net.Listener
	Config *tls.Config
}

// Accept implements net.Listener.
func (l *TLSListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newTLS(c, l.Config), nil
}
