// Hostile sends a server what it should never be sent, beside clients that
// behave, and fails if those notice or if the server grows.
//
//	go run ./bench/hostile                    one minute against a server of its own
//	go run ./bench/hostile --for 10m --attackers 400
//	go run ./bench/hostile --target http://HOST:3000 --metrics http://HOST:9090/metrics
//
// The server of its own is the benchmark application in a process of its own,
// with short times and small limits, so that each of them is reached (child.go).
// One served by throng serve --metrics can be attacked as well.
//
// The good clients (good.go) come over websocket, polling, WebTransport and by
// upgrade, with TLS and without. Each asks for an echo every second, and one of
// them sends to all; every message is numbered, and has to come once and in its
// order. The attackers (attacks.go) take turns at the attacks: malformed,
// oversized, slow, half-open, floods. An attack is bounded in time and bytes, and
// so is the whole.
//
// In the end the attackers stop. Then the sessions of the server must be those
// of the good clients again, its goroutines few, no handler may have panicked,
// and its resident memory must have stayed below the limit all the time.
package main
