#!/usr/bin/env bash
# github.com/quic-go/webtransport-go v0.13.0 on github.com/quic-go/quic-go v0.64.1, datagrams of a session
#
# Guess: datagrams are lost by the network. On loopback, one every 2 ms, all arrive; a reader that comes later finds them
#        in the buffer of its socket, which holds hundreds of kilobytes, and if something overflows, the oldest go.
# Seen:  the HTTP/3 layer of the receiver keeps 32 unread datagrams of a session, of whatever size, and throws away each
#        one that comes after them: of 200 datagrams of a byte a reader that begins late gets the first 32. Neither side
#        is told, SendDatagram returned nil for each, and the limit cannot be set.
# Why:   a game or a cursor over datagrams that misses its turn for 100 ms goes on with 32 old positions, and has lost
#        the new ones, which it wants. A load test counts as loss of the network what its own reader, a pause
#        of the garbage collector or a busy processor has lost. Read datagrams in a goroutine that does nothing else,
#        into a buffer of your own that drops the oldest.
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
	"math/big"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

const count = 200

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

// received says which datagrams a client gets that reads all the time, or begins when all were sent.
func received(late bool) (numbers []int) {
	cert, pool := certificate()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(err)
	defer conn.Close()
	conf := &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true}
	server := &webtransport.Server{H3: &http3.Server{
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}), QUICConfig: conf}}
	webtransport.ConfigureHTTP3Server(server.H3)
	sent := make(chan bool)
	server.H3.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := server.Upgrade(w, r)
		check(err)
		for i := range count {
			check(session.SendDatagram([]byte{byte(i)}))
			time.Sleep(2 * time.Millisecond)
		}
		close(sent)
		<-session.Context().Done()
	})
	go server.Serve(conn)
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := webtransport.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, NextProtos: []string{http3.NextProtoH3}}, QUICConfig: conf}
	_, session, err := client.Dial(ctx, "https://"+conn.LocalAddr().String()+"/", nil)
	check(err)
	defer session.CloseWithError(0, "")
	if late {
		<-sent
		time.Sleep(time.Second)
	}
	for {
		wait, stop := context.WithTimeout(ctx, 2*time.Second)
		datagram, err := session.ReceiveDatagram(wait)
		stop()
		if err != nil {
			return numbers
		}
		numbers = append(numbers, int(datagram[0]))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	at, late := received(false), received(true)
	fmt.Printf("of %d datagrams on loopback, a client that reads all the time gets %d\n", count, len(at))
	fmt.Printf("one that begins when all were sent gets %d: %v\n", len(late), late)
	if len(at) < count/2 || len(late) != 32 || late[31] != 31 {
		os.Exit(1)
	}
}
GO
go get github.com/quic-go/webtransport-go@v0.13.0 github.com/quic-go/quic-go@v0.64.1 >go.log 2>&1 || { cat go.log >&2; exit 2; }
go build -o finding . && timeout 60 ./finding
