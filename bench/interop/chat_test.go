//go:build interop

package interop

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A chatter is a tab of Chromium on the page of the chat.
type chatter struct {
	t    *testing.T
	ctx  context.Context
	name string
}

// places are for tests with a browser, which compute: as many run at once as there are processors.
var places = make(chan struct{}, runtime.GOMAXPROCS(0))

// chromium returns a browser that is the test's alone, for the length of it, when there is a place
// for one. A test has no second one: it would wait for its own place. With flags of its own it is a
// process of its own; otherwise what the test opens shares nothing with others but the process.
func chromium(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	places <- struct{}{}
	t.Cleanup(func() { <-places })
	var ctx context.Context
	var end func()
	if len(more) > 0 {
		ctx, end = startChromium(more...)
	} else {
		ctx, end = chromedp.NewContext(shared(), chromedp.WithNewBrowserContext())
	}
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v; run `make deps` in the root of the project", err)
	}
	return ctx
}

// shared is the browser whose process tests share, which endShared ends.
var (
	shared = sync.OnceValue(func() context.Context {
		ctx, end := startChromium()
		endShared = end
		_ = chromedp.Do(ctx) // a tab in it fails then, too
		return ctx
	})
	endShared = func() {}
)

func startChromium(more ...chromedp.ExecAllocatorOption) (ctx context.Context, end func()) {
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1100, 750))
	process, stop := chromedp.NewExecAllocator(context.Background(), append(flags, more...)...)
	ctx, closed := chromedp.NewContext(process)
	return ctx, func() {
		closed()
		stop()
	}
}

// enter opens a tab and logs in.
func enter(t *testing.T, browser context.Context, url, name string) *chatter {
	t.Helper()
	ctx, end := chromedp.NewContext(browser)
	t.Cleanup(end)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	c := &chatter{t, ctx, name}
	c.until(`!document.querySelector("#login button").disabled`)
	c.login(name)
	c.until(`document.body.dataset.name === "` + name + `"`)
	return c
}

func (c *chatter) login(name string) {
	c.t.Helper()
	c.do(chromedp.Clear(chromedp.CSS("#name")), chromedp.SendKeys(chromedp.CSS("#name"), name+"\r"))
}

// do carries out what a user does.
func (c *chatter) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		c.t.Fatalf("%s: %v", c.name, err)
	}
}

// until waits until an expression is true.
func (c *chatter) until(expression string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression)); err != nil {
		shown, _ := chromedp.Run(c.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		c.t.Fatalf("%s waited for %s in vain: %v; the page shows\n%s", c.name, expression, err, shown)
	}
}

// shows waits until the elements of a selector hold a text.
func (c *chatter) shows(selector, text string) {
	c.t.Helper()
	c.until(among(selector, text))
}

// sees is shows that gives up soon.
func (c *chatter) sees(selector, text string) bool {
	ctx, cancel := context.WithTimeout(c.ctx, 2*time.Second)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](among(selector, text)))
	return err == nil
}

// among is an expression: one of the elements of a selector holds a text.
func among(selector, text string) string {
	return fmt.Sprintf("[...document.querySelectorAll(%s)].some(e => e.textContent.includes(%s))", strconv.Quote(selector), strconv.Quote(text))
}

// say writes a message and sends it.
func (c *chatter) say(text string) {
	c.t.Helper()
	c.do(chromedp.SendKeys(chromedp.CSS("#text"), text+"\r"))
	c.until(`document.getElementById("text").value === ""`)
}

// pick clicks an entry of the list of rooms or people.
func (c *chatter) pick(list, label string) {
	c.t.Helper()
	entry := fmt.Sprintf("[...document.querySelectorAll('#%s button')].find(b => b.querySelector('.label').textContent === %s)", list, strconv.Quote(label))
	c.until("Boolean(" + entry + ")")
	c.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[bool]("("+entry+".click(), true)")(ctx, t)
		return chromedp.Void{}, err
	})
}

// A line is a way to a server that can be cut.
type line struct {
	net.Listener
	mu    sync.Mutex
	to    string // address
	conns map[net.Conn]bool
	down  bool
}

// tap opens a line to a server, for the length of the test.
func tap(t *testing.T, url string) (*line, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{Listener: ln, to: strings.TrimPrefix(url, "http://"), conns: map[net.Conn]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { l.carry(conn) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		l.cut()
		all.Wait()
	})
	return l, "http://" + ln.Addr().String()
}

// carry carries one connection.
func (l *line) carry(conn net.Conn) {
	defer conn.Close()
	l.mu.Lock()
	address := l.to
	l.mu.Unlock()
	there, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer there.Close()
	l.mu.Lock()
	if l.down {
		l.mu.Unlock()
		return
	}
	l.conns[conn], l.conns[there] = true, true
	l.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(conn, there) // ends when either side does
		conn.Close()
	})
	_, _ = io.Copy(there, conn)
	there.Close()
	back.Wait()
}

// cut breaks all connections; new ones are broken at once, until mend.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for conn := range l.conns {
		conn.Close()
	}
	clear(l.conns)
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// TestChat uses the page of the chat as two people would, once with the official client and once
// with the page's own.
func TestChat(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"official client":              {"--client-dir", clientDir},
		"official client, MessagePack": {"--client-dir", clientDir, "--parser", "msgpack"},
		"own client":                   nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := builtIn().start(t, "chat", flags...)
			browser := chromium(t)
			l, behind := tap(t, url)
			ann := enter(t, browser, url, "Ann")
			bob := enter(t, browser, behind, "Bob")
			testTalk(ann, bob)
			testWhisper(ann, bob)
			testBreak(l, ann, bob)
			testRefusedName(t, browser, url)
			joe := enter(t, browser, url, "Joe")
			joe.do(chromedp.Navigate("about:blank")) // says goodbye
			ann.shows("#log", "Joe left")
			testNewServer(l, builtIn().start(t, "chat", flags...), bob)
		})
	}
}

func testTalk(ann, bob *chatter) {
	ann.shows("#people", "Bob")
	for typed := false; !typed; { // told by a volatile event, which may be lost, and shown for a moment only
		ann.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("text").value = ""; document.getElementById("text").dispatchEvent(new Event("input"))`),
			chromedp.SendKeys(chromedp.CSS("#text"), "hel"))
		typed = bob.sees("#typing", "Ann is typing")
	}
	ann.say("lo")
	bob.shows("#log .bubble", "hello")
	ann.shows("#log .mine .bubble", "hello")
	bob.until(`document.getElementById("typing").textContent === ""`)

	// What looks like HTML is shown as it was written, and does nothing.
	const html = `<img src=x onerror="window.hurt=1"><b>bold</b>&amp;<script>window.hurt=1</script>`
	bob.say(html)
	for _, c := range []*chatter{ann, bob} {
		c.shows("#log .bubble", html)
		c.until(`!window.hurt && !document.querySelector("#log img, #log b.bold, #log script")`)
	}

	bob.do(chromedp.SendKeys(chromedp.CSS("#room"), "Tea\r"))
	bob.until(`document.getElementById("title").textContent === "#Tea"`)
	bob.say("kettle is on")
	ann.pick("rooms", "Tea")
	ann.shows("#log .bubble", "kettle is on") // from the history of the room
	ann.pick("rooms", "lobby")
	bob.say("biscuits?")
	ann.shows("#rooms .badge", "1")
	bob.pick("rooms", "lobby")
}

func testWhisper(ann, bob *chatter) {
	ann.pick("people", "Bob")
	ann.say("just for you")
	bob.shows("#people .badge", "1")
	bob.until(`!document.getElementById("log").textContent.includes("just for you")`)
	bob.pick("people", "Ann")
	bob.shows("#log .bubble", "just for you")
	bob.say("thank you")
	ann.shows("#log .bubble", "thank you")
	ann.pick("rooms", "lobby")
	bob.pick("rooms", "lobby")
}

// testBreak cuts Bob's connection. He gets what he missed, in order and once, and is still in his
// rooms.
func testBreak(l *line, ann, bob *chatter) {
	l.cut()
	bob.shows("#state", "Reconnecting")
	ann.shows("#people .note", "away")
	for i := range 5 {
		ann.say(fmt.Sprintf("missed %d", i))
	}
	ann.shows("#log .bubble", "missed 4")
	l.mend()
	bob.shows("#log .bubble", "missed 4")
	bob.until(`[...document.querySelectorAll("#log .bubble")].map(e => e.textContent).filter(s => s.startsWith("missed")).join() ===
		"missed 0,missed 1,missed 2,missed 3,missed 4"`)
	ann.shows("#log", "Bob is back")
	bob.until(`document.getElementById("state").hidden`)
	bob.pick("rooms", "Tea")
	bob.say("still here")
	ann.pick("rooms", "Tea")
	ann.shows("#log .bubble", "still here")
	ann.pick("rooms", "lobby")
}

// testNewServer gives Bob a server that knows nothing of him, as after a restart. He is logged in
// again, without a word.
func testNewServer(l *line, url string, bob *chatter) {
	l.cut()
	bob.shows("#state", "Reconnecting")
	l.mu.Lock()
	l.to = strings.TrimPrefix(url, "http://")
	l.mu.Unlock()
	l.mend()
	bob.until(`[...document.querySelectorAll("#people .label")].map(e => e.textContent).join() === "Bob"`)
	bob.say("alone here")
	bob.shows("#log .mine .bubble", "alone here")
}

func testRefusedName(t *testing.T, browser context.Context, url string) {
	ctx, end := chromedp.NewContext(browser)
	defer end()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	eve := &chatter{t, ctx, "Eve"}
	eve.until(`!document.querySelector("#login button").disabled`)
	eve.login("ANN")
	eve.shows("#refused", "Ann is taken")
	eve.login("Eve")
	eve.until(`document.body.dataset.name === "Eve"`)
}
