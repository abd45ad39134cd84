package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
)

// A chat: who connects is told to the others, and what one says, all hear.
func Example() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	srv.On("login", func(s *server.Socket, e *server.Event) error {
		var name string
		if err := e.Bind(&name); err != nil {
			return err
		}
		s.Data = name
		return errors.Join(e.Ack("welcome"), s.Broadcast().Emit("joined", name))
	})
	srv.On("say", func(s *server.Socket, e *server.Event) error {
		var text string
		if err := e.Bind(&text); err != nil {
			return err
		}
		return srv.Emit("said", s.Data, text)
	})
	srv.OnDisconnect(func(s *server.Socket, _ string) {
		_ = srv.Emit("left", s.Data)
	})

	site := run(srv)
	defer site.stop()
	ann, bob := site.connect("40"), site.connect("40")
	ann.say(`421["login","Ann"]`)
	fmt.Println("Ann hears", ann.hear())
	fmt.Println("Bob hears", bob.hear())
	bob.say(`422["login","Bob"]`)
	fmt.Println("Bob hears", bob.hear())
	fmt.Println("Ann hears", ann.hear())
	bob.say(`42["say","hello"]`)
	fmt.Println("Ann hears", ann.hear())
	fmt.Println("Bob hears", bob.hear())
	bob.say("41")
	fmt.Println("Ann hears", ann.hear())
	// Output:
	// Ann hears 431["welcome"]
	// Bob hears 42["joined","Ann"]
	// Bob hears 432["welcome"]
	// Ann hears 42["joined","Bob"]
	// Ann hears 42["said","Bob","hello"]
	// Bob hears 42["said","Bob","hello"]
	// Ann hears 42["left","Bob"]
}

// A middleware looks at the token that the client joins with. A client that it
// refuses gets a connect_error with the reason and with data.
func ExampleNamespace_Use() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	users := map[string]string{"t0k3n": "Ann"}
	srv.Use(func(s *server.Socket) error {
		var auth struct{ Token string }
		if err := s.Auth(&auth); err != nil {
			return err
		}
		user, known := users[auth.Token]
		if !known {
			return &server.ConnectError{Message: "who are you?", Data: map[string]any{"login": "/login"}}
		}
		s.Data = user
		return nil
	})
	srv.On("whoami", func(s *server.Socket, e *server.Event) error { return e.Ack(s.Data) })

	site := run(srv)
	defer site.stop()
	fmt.Println(site.refused(`40{"token":"guess"}`))
	ann := site.connect(`40{"token":"t0k3n"}`)
	ann.say(`420["whoami"]`)
	fmt.Println(ann.hear())
	// Output:
	// 44{"message":"who are you?","data":{"login":"/login"}}
	// 430["Ann"]
}

// A room for each user reaches all devices of one, and is enough for private
// messages.
func ExampleSocket_Join_users() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	srv.OnConnect(func(s *server.Socket) {
		var auth struct{ User string }
		if s.Auth(&auth) == nil {
			s.Data = auth.User
			s.Join("user:" + auth.User)
			_ = s.Emit("welcome", auth.User) // a string: nothing to fail
		}
	})
	srv.On("private", func(s *server.Socket, e *server.Event) error {
		var to, text string
		if err := e.Bind(&to, &text); err != nil {
			return err
		}
		// To the other, and to the sender's own other devices.
		me := fmt.Sprint("user:", s.Data)
		return s.To("user:"+to).To(me).Emit("private", s.Data, text)
	})

	site := run(srv)
	defer site.stop()
	phone, laptop := site.connect(`40{"user":"ann"}`), site.connect(`40{"user":"ann"}`)
	bob := site.connect(`40{"user":"bob"}`)
	for _, c := range []*client{phone, laptop, bob} {
		c.hear() // the welcome: it is in its room now
	}
	phone.say(`42["private","bob","psst"]`)
	fmt.Println("Bob hears", bob.hear())
	fmt.Println("Ann's laptop hears", laptop.hear())
	// Output:
	// Bob hears 42["private","ann","psst"]
	// Ann's laptop hears 42["private","ann","psst"]
}

// Rooms are joined by the server. A message to several rooms reaches a socket
// that is in more than one of them once.
func ExampleTarget() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	srv.On("subscribe", func(s *server.Socket, e *server.Event) error {
		var rooms []string
		if err := e.Bind(&rooms); err != nil {
			return err
		}
		for _, room := range rooms {
			s.Join(room)
		}
		return e.Ack(s.Rooms())
	})

	site := run(srv)
	defer site.stop()
	a, b := site.connect("40"), site.connect("40")
	a.say(`421["subscribe",["news","sport"]]`)
	b.say(`422["subscribe",["news","muted"]]`)
	fmt.Println(a.hear())
	fmt.Println(b.hear())
	_ = srv.To("news").To("sport").Emit("goal", "2:1")
	_ = srv.To("news").Except("muted").Emit("headline", "rain")
	_ = srv.Emit("end")
	fmt.Println("a:", a.hear(), a.hear(), a.hear())
	fmt.Println("b:", b.hear(), b.hear())
	// Output:
	// 431[["news","sport"]]
	// 432[["muted","news"]]
	// a: 42["goal","2:1"] 42["headline","rain"] 42["end"]
	// b: 42["goal","2:1"] 42["end"]
}

// The server may ask, too: one client, or all in a room at once.
func ExampleTarget_EmitWithAck() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	site := run(srv)
	defer site.stop()
	a, b := site.connect("40"), site.connect("40")

	done := make(chan server.Answers)
	err = srv.Everyone().EmitWithAck(time.Minute, func(got server.Answers) { done <- got }, "ready?")
	if err != nil {
		panic(err)
	}
	fmt.Println(a.hear(), b.hear()) // one question, with one id
	a.say(`430["yes"]`)
	b.say("41") // leaves, and does not answer
	got := <-done
	var answer string
	if err := got.All[0].Event.Bind(&answer); err != nil {
		panic(err)
	}
	fmt.Println(answer, len(got.All), "answered,", len(got.Missing), "did not")
	// Output:
	// 420["ready?"] 420["ready?"]
	// yes 1 answered, 1 did not
}

// []byte is binary, wherever it stands among the arguments.
func ExampleEvent_Bind_binary() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	srv.On("upload", func(_ *server.Socket, e *server.Event) error {
		var file struct {
			Name string `json:"name"`
			Data []byte `json:"data"`
		}
		if err := e.Bind(&file); err != nil {
			return err
		}
		return e.Ack(fmt.Sprintf("%s has %d bytes", file.Name, len(file.Data)), file.Data[:2])
	})

	site := run(srv)
	defer site.stop()
	c := site.connect("40")
	c.say(`451-7["upload",{"name":"cat.png","data":{"_placeholder":true,"num":0}}]`)
	c.sayBinary("\x89PNG")
	fmt.Println(c.hear())
	fmt.Printf("%q\n", c.hear())
	// Output:
	// 461-7["cat.png has 4 bytes",{"_placeholder":true,"num":0}]
	// "\x89P"
}

// In a server that is there already, the handler takes the paths that are its
// own.
func ExampleServer_Handler() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	srv.On("ping", func(_ *server.Socket, e *server.Event) error { return e.Ack("pong") })
	mine := &fasthttp.Server{
		StreamRequestBody: true, // see Server.Handler
		Handler: func(ctx *fasthttp.RequestCtx) {
			if strings.HasPrefix(string(ctx.Path()), "/socket.io/") {
				srv.Handler(ctx)
				return
			}
			ctx.SetBodyString("the rest of the site")
		},
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	served := make(chan error)
	go func() { served <- mine.Serve(ln) }()

	c := (&site{url: "ws://" + ln.Addr().String()}).connect("40")
	c.say(`421["ping"]`)
	fmt.Println(c.hear())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + ln.Addr().String() + "/")
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	fmt.Println(string(body))

	_ = c.conn.Close()
	_ = srv.Shutdown(context.Background()) // first: it tells the clients
	_ = mine.Shutdown()
	if err := <-served; err != nil {
		panic(err)
	}
	// Output:
	// 431["pong"]
	// the rest of the site
}

// site is a server of an example, with its clients.
type site struct {
	url     string
	srv     *server.Server
	served  chan error
	clients []*client
}

func run(srv *server.Server) *site {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	x := &site{url: "ws://" + ln.Addr().String(), srv: srv, served: make(chan error)}
	go func() { x.served <- srv.Serve(ln) }()
	return x
}

func (x *site) stop() {
	for _, c := range x.clients {
		_ = c.conn.Close()
	}
	if err := errors.Join(x.srv.Shutdown(context.Background()), <-x.served); err != nil {
		panic(err)
	}
}

// client shows what is on the wire.
type client struct{ conn *websocket.Conn }

// connect connects a client that joins a namespace.
func (x *site) connect(join string) *client {
	c := x.open(join)
	c.hear() // the server's consent, with the id
	return c
}

// refused returns the answer to a client that may not join.
func (x *site) refused(join string) string { return x.open(join).hear() }

func (x *site) open(join string) *client {
	conn, resp, err := websocket.DefaultDialer.Dial(x.url+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		panic(err)
	}
	_ = resp.Body.Close()
	c := &client{conn}
	x.clients = append(x.clients, c)
	c.hear() // the handshake
	c.say(join)
	return c
}

func (c *client) say(packet string) { c.write(websocket.TextMessage, packet) }

func (c *client) sayBinary(data string) { c.write(websocket.BinaryMessage, data) }

func (c *client) write(kind int, data string) {
	if err := c.conn.WriteMessage(kind, []byte(data)); err != nil {
		panic(err)
	}
}

func (c *client) hear() string {
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	_, b, err := c.conn.ReadMessage()
	if err != nil {
		return err.Error()
	}
	return string(b)
}
