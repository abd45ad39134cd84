package admin

import (
	"errors"
	"fmt"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
)

// act lets the UI act. Each action may be acknowledged, which the UI does not ask for: with null,
// or with what is wrong.
func (a *admin) act() {
	a.handle("emit", a.emit)
	a.handle("join", func(e *server.Event) error {
		return a.move(e, server.Target.Join)
	})
	a.handle("leave", func(e *server.Event) error {
		return a.move(e, server.Target.Leave)
	})
	a.handle("_disconnect", func(e *server.Event) error {
		var nsp, filter string
		var hangUp bool
		if err := e.Bind(&nsp, &hangUp, &filter); err != nil {
			return err
		}
		to, err := a.target(nsp, filter)
		if err != nil {
			return err
		}
		to.Disconnect(hangUp)
		return nil
	})
}

func (a *admin) handle(event string, do func(*server.Event) error) {
	a.ns.On(event, func(_ *server.Socket, e *server.Event) error {
		if err := do(e); err != nil {
			return errors.Join(fmt.Errorf("action %q of the Admin UI: %w", event, err), e.Ack(err.Error()))
		}
		return e.Ack(nil)
	})
}

// target finds the sockets that the UI means: those in a room, one by its id, or all. It makes no
// namespace.
func (a *admin) target(nsp, filter string) (server.Target, error) {
	for _, ns := range a.srv.Namespaces() {
		switch {
		case ns.Name() != nsp:
		case filter == "":
			return ns.Everyone(), nil
		default:
			return ns.To(filter), nil
		}
	}
	return server.Target{}, fmt.Errorf("namespace %q does not exist", nsp)
}

func (a *admin) move(e *server.Event, do func(server.Target, string)) error {
	var nsp, room, filter string
	if err := e.Bind(&nsp, &room, &filter); err != nil {
		return err
	}
	if room == "" {
		return errors.New("the name of the room is missing")
	}
	to, err := a.target(nsp, filter)
	if err != nil {
		return err
	}
	do(to, room)
	return nil
}

// emit passes the arguments on as they came, attachments included.
func (a *admin) emit(e *server.Event) error {
	var nsp, filter, event string
	if err := e.Bind(&nsp, &filter, &event); err != nil {
		return err
	}
	if event == "" || socketio.Reserved(event) {
		return fmt.Errorf("%q cannot be the name of an event", event)
	}
	to, err := a.target(nsp, filter)
	if err != nil {
		return err
	}
	args, attachments := e.Raw()
	for range 3 {
		_, args = e.Parser().NextArg(args)
	}
	to.EmitRaw(event, args, attachments)
	return nil
}
