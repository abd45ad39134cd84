package session

import (
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// Counts is what a session has carried. It is kept by each session for itself, under the lock that
// it holds anyway, and only summed up when somebody asks: a counter shared by all sessions would be
// the busiest memory of the process.
type Counts struct {
	PacketsOut, BytesOut uint64 // given to the session; bytes as on a websocket
	PacketsIn, BytesIn   uint64
	Dropped              uint64 // volatile messages
	PongsIn, PingsOut    uint64 // of the packets, heartbeats
}

// Add adds what another session has carried.
func (c *Counts) Add(other Counts) {
	c.PacketsIn += other.PacketsIn
	c.BytesIn += other.BytesIn
	c.PacketsOut += other.PacketsOut
	c.BytesOut += other.BytesOut
	c.Dropped += other.Dropped
	c.PongsIn += other.PongsIn
	c.PingsOut += other.PingsOut
}

func (c *Counts) received(bytes int) {
	c.PacketsIn++
	c.BytesIn += uint64(bytes)
}

func (c *Counts) sent(b outlet.Batch) {
	c.PacketsOut += b.Packets
	c.BytesOut += uint64(len(b.Wire) - b.Frames[0].Head()) // a frame with a head is alone
}

// dropped takes back what sent has counted.
func (c *Counts) dropped(f *frame.Frame) {
	c.PacketsOut -= uint64(f.Packets())
	c.BytesOut -= uint64(len(f.Wire()))
	c.Dropped++
}

// Counts returns what the session has carried, and over which transport it goes now. They do not
// change any more once the session has ended.
func (s *Session) Counts() (c Counts, transport string) {
	s.mu.Look()
	defer s.mu.Unlock()
	return s.counted(), s.transport()
}

// counted is what the session and its outlet have counted; the lock is held.
func (s *Session) counted() Counts {
	c := s.counts
	packets, bytes := s.mu.Written()
	c.PacketsOut += packets
	c.BytesOut += bytes
	return c
}

// Queued returns how many bytes of the outbox the peer has not been given, as on a websocket.
func (s *Session) Queued() int {
	s.mu.Look()
	defer s.mu.Unlock()
	return s.outBytes
}
