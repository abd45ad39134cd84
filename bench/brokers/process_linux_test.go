package brokers

import (
	"net"
	"testing"
)

// A process that found its port taken has not started, though somebody answers there.
func TestPortOfAnother(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &Process{Addr: l.Addr().String(), Dir: t.TempDir(), args: []string{"sleep", "0.2"}}
	if err := p.start(); err == nil {
		t.Error("it started")
	}
}
