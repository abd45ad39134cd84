package link

import (
	"net"
	"testing"
	"time"
)

// Datagrams that come faster than they are read are counted.
func TestDropped(t *testing.T) {
	t.Parallel()
	in, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	d := &Datagrams{in: in.(*net.UDPConn)} // nobody reads it
	if n := d.Dropped(); n != 0 {
		t.Errorf("%d datagrams were dropped before any was sent", n)
	}
	_ = d.in.SetReadBuffer(1) // the kernel's least
	out, err := net.Dial("udp", in.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	const n = 200
	for range n {
		if _, err := out.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if dropped := d.Dropped(); dropped < n/2 || dropped >= n {
		t.Errorf("%d of %d datagrams were dropped, want most of them", dropped, n)
	}
	b, read := make([]byte, 2000), uint64(0)
	_ = d.in.SetReadDeadline(time.Now().Add(time.Second))
	for {
		if _, err := d.in.Read(b); err != nil {
			break
		}
		read++
	}
	if read+d.Dropped() != n {
		t.Errorf("%d were read and %d dropped of %d", read, d.Dropped(), n)
	}
}
