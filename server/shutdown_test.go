package server_test

import (
	"testing"
	"time"

	"github.com/throng-io/throng/server"
)

// silentServers is an adapter with one other server, which never answers.
type silentServers struct{ server.Adapter }

func (silentServers) ServerSideEmit(_ server.Message, acks *server.Acks) error {
	acks.ExpectServers(1)
	return nil
}

// The function that waits for answers is called when the server has shut down, and if there is
// nothing to wait for any more at once: a program that waits for the call would hang.
func TestAnswersAfterTheShutdown(t *testing.T) {
	srv, err := server.New(server.Options{
		Logger:  silent,
		Adapter: func(_ *server.Namespace, local server.Adapter) server.Adapter { return silentServers{local} },
	})
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan server.Answers, 3)
	ask := func(emit func(time.Duration, func(server.Answers), string, ...any) error) {
		t.Helper()
		if err := emit(time.Hour, func(a server.Answers) { answered <- a }, "question"); err != nil {
			t.Fatal(err)
		}
	}
	ask(srv.ServerSideEmitWithAck)
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(srv.ServerSideEmitWithAck)
	ask(srv.Everyone().EmitWithAck)
	late := time.After(patience)
	missing := 0
	for range cap(answered) {
		select {
		case a := <-answered:
			missing += a.MissingRemote
		case <-late:
			t.Fatal("a question has no end")
		}
	}
	if missing != 2 {
		t.Errorf("%d answers are missing, want those of one server to two questions", missing)
	}
}
