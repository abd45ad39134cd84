package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/internal/program"
)

func TestMain(m *testing.M) {
	// The pool of connections goes some seconds after its server.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// What is burned is the share of the CPU time that the process uses otherwise, whatever that is.
func TestBurner(t *testing.T) {
	b := &burner{share: 0.25}
	b.burn() // the first call only begins
	began := clock(unix.CLOCK_PROCESS_CPUTIME_ID)
	for range 20 {
		for until := clock(unix.CLOCK_THREAD_CPUTIME_ID) + 5*time.Millisecond; clock(unix.CLOCK_THREAD_CPUTIME_ID) < until; {
		}
		b.burn()
	}
	used := clock(unix.CLOCK_PROCESS_CPUTIME_ID) - began
	share := b.burned.Seconds() / (used - b.burned).Seconds()
	if math.Abs(share-0.25) > 0.05 {
		t.Errorf("%v of %v were burned: %.2f of the rest", b.burned, used, share)
	}
	none := &burner{}
	none.burn()
	none.burn()
	if none.burned != 0 {
		t.Errorf("a build without a plant burns %v", none.burned)
	}
}

func TestServeListensOnPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	t.Setenv("PORT", strconv.Itoa(ln.Addr().(*net.TCPAddr).Port))
	if err := serve(t.Context(), nil, nil, nil); err == nil || !strings.Contains(err.Error(), "$PORT") {
		t.Errorf("a port that is taken: %v", err)
	}
	for tries := 1; ; tries++ { // another process may be given the port that was free
		port, err := program.FreePort("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("PORT", strconv.Itoa(port))
		err = servedOnce(t, fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return
		}
		if tries == 10 {
			t.Fatal(err)
		}
	}
}

// servedOnce serves until a client has connected.
func servedOnce(t *testing.T, address string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, []string{"-plant", "0.1"}, nil, nil) }()
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			cancel()
			return <-ended
		}
		select {
		case err := <-ended:
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestSumUp(t *testing.T) {
	var c comparison
	if err := json.Unmarshal([]byte(`{"pairs":[{"base_trials":{"invalid":1},"changes":[
		{"metric":"p50(delivery)","outcome":"better"},
		{"metric":"cpu(delivery)","base":8,"change":0.11,"interval":{"low":0.05,"high":0.16},"outcome":"worse","base_n":9}]}],
		"gates":[{"failed":true,"text":"+11 %"}]}`), &c); err != nil {
		t.Fatal(err)
	}
	found := outcome{Kind: planted, Plant: 0.1, BudgetS: 180, Seconds: 181}
	found.read(&c)
	if found.Gate != failed || found.Pairs != 9 || found.Invalid != 1 || found.Metrics != 2 || *found.Low != 0.05 || strings.Join(found.Flagged, " ") != "cpu(delivery) p50(delivery)" {
		t.Errorf("%+v", found)
	}
	dir := t.TempDir()
	for _, o := range []outcome{found, {Kind: equal, BudgetS: 180, Gate: held}, {Kind: equal, BudgetS: 180, Gate: undecided, Flagged: []string{"p99(ack)"}}} {
		if err := keep(dir, &o); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	if err := rewrite(&b, dir); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"10 % more CPU per delivery, 3m0s each: 1 comparisons", "failed 1, held 0, not decided 0; any metric flagged in 1",
		"equal builds, 3m0s each: 2 comparisons", "failed 0, held 1, not decided 1; any metric flagged in 1", "flagged: p99(ack)",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in:\n%s", want, b.String())
		}
	}
	if err := study(t.Context(), []string{"--kinds", "none"}, &b, &b); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("%v", err)
	}
}
