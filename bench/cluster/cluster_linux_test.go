package main

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/bench/brokers"
	"github.com/throng-io/throng/bench/internal/program"
)

func TestMain(m *testing.M) {
	if program.Play("cluster", nodeRole) {
		return
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "6") // trials wait most of their time
	goleak.VerifyTestMain(m)
}

// TestFaults holds what must hold in each fault. Without the build tag cluster it is those that are
// over soon.
func TestFaults(t *testing.T) {
	for _, f := range faults {
		if !f.quick && !whole {
			continue
		}
		for _, form := range forms {
			if !f.concerns(form) {
				continue
			}
			t.Run(f.key+"/"+form, func(t *testing.T) {
				t.Parallel()
				o, err := run(f, form)
				if err != nil {
					t.Fatal(err)
				}
				for _, text := range o.Wrong {
					t.Error(text)
				}
				t.Logf("recovered in %s, lost %d of %d, own clients in %s at most", o.Recovery, o.Lost, o.Owed, o.Slowest)
			})
		}
	}
}

// What a pair shows when messages are missing, come twice, or overtake each other.
func TestAccount(t *testing.T) {
	end := time.Unix(0, 30)
	sent := []int64{10, 20, 30, 40, 50}
	for _, c := range []struct {
		got      []delivery
		missing  string
		ordered  bool
		recovery time.Duration
	}{
		{[]delivery{{0, 11}, {1, 21}, {2, 31}, {3, 41}, {4, 51}}, "[]", true, 1},
		{[]delivery{{0, 11}, {1, 35}, {2, 36}, {3, 41}, {4, 51}}, "[]", true, 6},
		{[]delivery{{0, 11}, {2, 31}, {4, 51}}, "[1 3]", true, 21},
		{[]delivery{{0, 11}}, "[1 2 3 4]", true, brokers.Patience},
		{[]delivery{{0, 11}, {0, 12}, {1, 21}, {2, 31}, {3, 41}, {4, 51}}, "[]", false, 1},
		{[]delivery{{1, 21}, {0, 22}, {2, 31}, {3, 41}, {4, 51}}, "[0]", false, 1},
	} {
		p := pair{0, 1, sent, c.got}
		missing, ordered := p.missing()
		if fmt.Sprint(missing) != c.missing || ordered != c.ordered || p.recovery(missing, end) != c.recovery {
			t.Errorf("%v: got %v, %t, %s", c.got, missing, ordered, p.recovery(missing, end))
		}
	}
}
