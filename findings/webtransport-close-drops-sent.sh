#!/usr/bin/env bash
# github.com/quic-go/webtransport-go v0.13.0 on github.com/quic-go/quic-go v0.64.1
#
# Guess: what was written to a stream, and the stream closed, before Session.CloseWithError reaches the other side, and
#        then the end of the session, as with TCP or a websocket.
# Seen:  closing the session resets its streams, those that are closed but not delivered too: the reader of 256 KiB gets
#        a part of them or nothing, and then the error of the session, in some of twenty sessions and not in all. With
#        half a second between the end of the stream and that of the session it gets everything.
# Why:   the last packet of a Socket.IO connection ("you are signed out", the close packet of Engine.IO) is written just
#        before the end, and is lost over WebTransport alone. Close the stream, wait until the other side has ended
#        its own, and close the session then.
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
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

const (
	size  = 256 << 10
	tries = 20
)

// certificate makes one for 127.0.0.1, and the pool that trusts it.
func certificate() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(err)
	parsed, err := x509.ParseCertificate(der)
	check(err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// received says how many of the bytes arrive when the session is closed so long after the stream.
func received(wait time.Duration) int {
	cert, pool := certificate()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(err)
	defer conn.Close()
	conf := &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true}
	server := &webtransport.Server{H3: &http3.Server{
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}), QUICConfig: conf}}
	webtransport.ConfigureHTTP3Server(server.H3)
	server.H3.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := server.Upgrade(w, r)
		check(err)
		stream, err := session.OpenUniStream()
		check(err)
		_, err = stream.Write(make([]byte, size))
		check(err)
		check(stream.Close())
		time.Sleep(wait)
		check(session.CloseWithError(0, "done"))
	})
	go server.Serve(conn)
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client := webtransport.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, NextProtos: []string{http3.NextProtoH3}}, QUICConfig: conf}
	_, session, err := client.Dial(ctx, "https://"+conn.LocalAddr().String()+"/", nil)
	check(err)
	stream, err := session.AcceptUniStream(ctx)
	if err != nil {
		return 0 // the session ended before the stream was seen
	}
	body, _ := io.ReadAll(stream) // its error is that of the session
	return len(body)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// whole says how many of the tries deliver everything.
func whole(wait time.Duration, tries int) (count int) {
	for range tries {
		if received(wait) == size {
			count++
		}
	}
	return count
}

func main() {
	at, later := whole(0, tries), whole(500*time.Millisecond, tries)
	fmt.Printf("of %d sessions whose stream was written and closed, so many delivered all: closed at once %d, half a second later %d\n", tries, at, later)
	if at == tries || later != tries {
		os.Exit(1)
	}
}
GO
go get github.com/quic-go/webtransport-go@v0.13.0 github.com/quic-go/quic-go@v0.64.1 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
