package server_test

import (
	"testing"

	"github.com/throng-io/throng/server"
)

// Bytes are counted as frames of a websocket: the answer to its opening handshake, which goes out
// in one write with the first packet, is none.
func TestBytesOutAreThoseOfFrames(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	b := bareOn(t, connectTo(t, serve(t, srv)), upgradeRequest+masked(0x81, "40"))
	want := uint64(0)
	for range 2 {
		_, payload := b.frame()
		want += uint64(2 + len(payload))
		if len(payload) > 125 {
			want += 2
		}
	}
	eventually(t, "the packets are counted", func() bool { return srv.Stats().PacketsOut == 2 })
	if got := srv.Stats().BytesOut; got != want {
		t.Errorf("%d bytes are counted, want the %d of two frames", got, want)
	}
}
