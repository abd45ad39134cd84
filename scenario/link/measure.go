package link

import (
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// A Cost is the median time of a round trip of a few bytes on this machine, without a link and
// through one.
type Cost struct{ Direct, Through time.Duration }

// trips is how many round trips the median is of.
const trips = 201

// Measure measures what a link adds that does nothing, on connections of its own.
func Measure() (c Cost, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return c, err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer ln.Close()
	wg.Go(func() {
		for {
			s, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer s.Close()
				_, _ = io.Copy(s, s)
			})
		}
	})
	l, err := Start(ln.Addr().String(), nil)
	if err != nil {
		return c, err
	}
	defer l.Close()
	if c.Direct, err = median(ln.Addr().String()); err == nil {
		c.Through, err = median(l.Addr())
	}
	return c, err
}

// median is of the round trips to a server that echoes.
func median(addr string) (time.Duration, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	took := make([]time.Duration, trips)
	buf := make([]byte, 64)
	for i := range took {
		began := time.Now()
		if _, err := c.Write(buf); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[trips/2], nil
}
