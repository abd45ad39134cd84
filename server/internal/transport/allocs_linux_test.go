//go:build !race

package transport

import (
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
)

func TestAnswerDoesNotAllocate(t *testing.T) {
	x := servePolls(t, nil)
	l := x.dial("")
	l.settle(x)
	var c *pollConn
	for one := range x.engine.poller.polls {
		c = one
	}
	in := make([]byte, 4<<10)
	frames := frame.Message(engineio.Packet{Type: engineio.Message, Data: []byte("tick")}, 0).Alone()
	if n := testing.AllocsPerRun(1000, func() {
		c.Answer(frames, nil)
		_, _ = l.Read(in)
	}); n > 0 {
		t.Errorf("an answer allocates %v times", n)
	}
}
