#!/usr/bin/env bash
# golang.org/x/time v0.14.0, rate.Limiter, with Go 1.26 on Linux
#
# Guess: rate.NewLimiter(10_000, 1), with Wait before each message, sends 10 000 messages a second, evenly; the burst of
#        one only keeps them from coming in groups. If a wait is a little too long, the next one is shorter.
# Seen:  about a tenth of it. Go waits for its next timer with the poller of the network, in whole milliseconds, when
#        nothing else is to do, and the limiter forgets what it owes beyond its burst: a wait of 100 microseconds takes
#        a millisecond, and nine messages are gone. With a burst of 100 the same loop sends 10 000 a second. With a
#        burst of one it falls short from some 1000 a second on.
# Why:   this is the usual pacer of a load generator, and nothing fails: the load is a tenth of what the report says was
#        offered, even on an idle machine, and the server looks good. Take a burst of at least what is due in some
#        milliseconds, and compare the messages sent with the messages that were due.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding
go 1.26
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/time/rate"
)

const perSecond, seconds = 10_000, 3

// sent says how many messages a second a loop sends that waits for the limiter before each.
func sent(burst int) int {
	limiter := rate.NewLimiter(perSecond, burst)
	began := time.Now()
	count := 0
	for time.Since(began) < seconds*time.Second {
		if err := limiter.Wait(context.Background()); err != nil {
			panic(err)
		}
		count++
	}
	return count / seconds
}

func main() {
	one, hundred := sent(1), sent(100)
	fmt.Printf("a limiter of %d a second: with a burst of 1 it sends %d a second, with a burst of 100 it sends %d\n", perSecond, one, hundred)
	if one > perSecond/2 || hundred < 2*one {
		os.Exit(1)
	}
}
GO
go get golang.org/x/time@v0.14.0 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
