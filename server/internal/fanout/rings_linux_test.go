package fanout

import (
	"fmt"
	"sync"
	"testing"

	"github.com/throng-io/throng/server/internal/outlet"
)

// connection is a member of several hubs with one outlet, as the sockets of a connection are in
// several namespaces.
type connection struct {
	*recorder
	out *outlet.Outlet
}

func (c connection) Outlet() *outlet.Outlet { return c.out }

// Shards of two hubs walk over the same connections in opposite orders, and over rings both lock
// many of them: neither waits for the other, and each connection gets the messages of each hub in
// their order.
func TestHubsWithCommonConnections(t *testing.T) {
	const members, messages = 80, 300
	rings := ringsFor(t)
	all := make([]connection, members)
	for i := range all {
		rec := &recorder{wire: newWire()}
		all[i] = connection{rec, rec.Outlet()}
	}
	var wg sync.WaitGroup
	for n, name := range []string{"a", "b"} {
		hub := open(t, "batched", Options{Shards: 1, Rings: rings})
		for i := range all {
			hub.Add(fmt.Sprint(i), all[[]int{i, members - 1 - i}[n]], nil)
		}
		wg.Go(func() {
			for i := range messages {
				hub.Broadcast(Audience{}, Message{Frame: text("%s:%d", name, i)})
			}
			hub.Close()
		})
	}
	wg.Wait()
	for i, c := range all {
		got := c.texts(t)
		for _, name := range []string{"a:", "b:"} {
			var want []string
			for n := range messages {
				want = append(want, fmt.Sprint(name, n))
			}
			compare(t, fmt.Sprint("connection ", i), only(got, name), want)
		}
	}
}
