package app

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/testclient"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's own, which end with the process or some seconds after their server.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// dial serves the benchmark contract and returns a client of it.
func dial(t *testing.T) *testclient.Client {
	t.Helper()
	srv, err := New("bench", server.Options{Times: testclient.NoPings})
	if err != nil {
		t.Fatal(err)
	}
	return testclient.Join(t, testclient.Serve(t, srv), "")
}

func TestTick(t *testing.T) {
	c := dial(t)
	c.Send(`420["tick","n",{"a":[1,2]},0.5,5]`)
	c.Send(`421["echo","x"]`)
	got := map[string]int{}
	for range 7 {
		got[c.Next()]++
	}
	if got[`42["n",{"a":[1,2]}]`] != 5 || got[`430[]`] != 1 || got[`431["x"]`] != 1 {
		t.Errorf("got %v", got)
	}

	// A further request replaces the first: no event of the old one follows the answer. The new one
	// may begin before the answer.
	c.Send(`422["tick","old",1,1,1000000]`)
	for c.Next() != `42["old",1]` {
	}
	c.Send(`423["tick","new",2,1,3]`)
	for begun, answered := 0, false; begun < 3 || !answered; {
		switch p := c.Next(); {
		case p == `42["new",2]`:
			begun++
		case p == `433[]`:
			answered = true
		case answered || begun > 0:
			t.Fatalf("after the second request came %q", p)
		}
	}

	// One that runs ends with the socket; the leak check waits for it.
	c.Send(`42["tick","old",1,60000,1000000]`)
	for c.Next() != `42["old",1]` {
	}
}

func TestTickRefuses(t *testing.T) {
	c := dial(t)
	for _, args := range []string{`"n",1,0,5`, `"n",1,1,0`, `"n",1,1,1000001`, `"connect",1,1,1`, `"n",1,"x",1`, `"n",1,70000,1`, `"n",1,1`} {
		c.Send(`420["tick",` + args + `]`)
		c.Send(`421["echo"]`)
		if p := c.Next(); p != `431[]` {
			t.Errorf("tick(%s) is answered by %q", args, p)
		}
	}
}
