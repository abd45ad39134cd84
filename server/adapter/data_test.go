package adapter_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/adapter"
)

// panicking is the data of a socket, with a mistake.
type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("on purpose") }

// Data that cannot be encoded is left out where it is needed by another server: the goroutines that
// save sockets, and list them, are not the application's.
func TestDataThatPanics(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 2, adapter.Options{})
		for _, one := range n {
			one.Use(func(s *server.Socket) error {
				s.Data = panicking{}
				return nil
			})
		}
		meet(t, n)
		var a, b returning
		a.arrive(t, n[0])
		b.arrive(t, n[1])
		b.join(n[1], "red")
		list, err := n[0].Everyone().Fetch(t.Context())
		check(t, err)
		if len(list) != 2 || !slices.ContainsFunc(list, func(s server.RemoteSocket) bool {
			return s.ID == b.sid && fmt.Sprint(s.Data) == "map[]" && slices.Equal(s.Rooms, []string{"red"})
		}) {
			t.Errorf("the servers have %v", list)
		}
		b.cut(n[1])
		b.arrive(t, n[0])
		if s := n[0].Socket(b.sid); !b.recovered || s == nil || !slices.Equal(s.Rooms(), []string{"red"}) || s.Data != nil {
			t.Errorf("recovered %v, as %+v", b.recovered, s)
		}
	})
}

// joining is the data of a socket, which enters a room when that is read.
type joining struct {
	socket *server.Socket
	once   *sync.Once
}

func (d joining) MarshalJSON() ([]byte, error) {
	d.once.Do(func() { d.socket.Join("late") })
	return []byte(`"x"`), nil
}

// A room that a socket enters while it is being saved is saved, too: its client has it when it comes
// back from a server that did not notice its end.
func TestRoomWhileSaved(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 2, adapter.Options{})
		var once sync.Once
		n[0].Use(func(s *server.Socket) error {
			s.Data = joining{s, &once}
			return nil
		})
		var c returning
		c.arrive(t, n[0])
		check(t, n[1].Emit("first"))
		c.next(`["first"]`)
		wait(t, "the room", func() bool { return slices.Equal(n[0].Socket(c.sid).Rooms(), []string{"late"}) })
		saved(t, n[0], c.sid)
		settled(t, n)
		c.arrive(t, n[1])
		if rooms := n[1].Socket(c.sid).Rooms(); !c.recovered || !slices.Equal(rooms, []string{"late"}) {
			t.Errorf("recovered %v, in the rooms %v", c.recovered, rooms)
		}
	})
}

// A room that a socket enters late, since deliveries hold it up, is saved, too.
func TestRoomBehindDeliveries(t *testing.T) {
	logs(t, func(t *testing.T, address string) {
		n := keeping(t, address, 2, adapter.Options{})
		var c returning
		c.arrive(t, n[0])
		check(t, n[1].Emit("first"))
		c.next(`["first"]`)
		saved(t, n[0], c.sid)
		release := adapter.Hold(n[0].adapter)
		joined := make(chan bool)
		go func() { joined <- n[0].Socket(c.sid).Join("late") }()
		time.Sleep(300 * time.Millisecond) // longer than changes are gathered
		release()
		if !<-joined {
			t.Fatal("the room is refused")
		}
		saved(t, n[0], c.sid)
		settled(t, n)
		c.arrive(t, n[1])
		if rooms := n[1].Socket(c.sid).Rooms(); !c.recovered || !slices.Equal(rooms, []string{"late"}) {
			t.Errorf("recovered %v, in the rooms %v", c.recovered, rooms)
		}
	})
}
