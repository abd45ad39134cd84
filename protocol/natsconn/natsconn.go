// Package natsconn says how to connect to a NATS server: the same way for the cluster adapter of
// the server and for a fleet of load generators.
package natsconn

import (
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/nats-io/nats.go"
)

// Options are the credentials and certificates of a connection to a NATS server, from the
// environment variables that the nats command reads:
//
//	NATS_CREDS                  file of a user's JWT and key
//	NATS_NKEY                   file of a user's key (seed)
//	NATS_USER, NATS_PASSWORD
//	NATS_TOKEN
//	NATS_CA                     file of the certificates to trust
//	NATS_CERT, NATS_KEY         files of the client's certificate and its key
//
// A URL that begins with tls:// asks for TLS. A URL that has a user is complete: none of the
// credentials are added, and the certificates only to one of tls://, as the server may be another
// than the one that the environment is for. The error names the variable.
func Options(u *url.URL) (all []nats.Option, err error) {
	if u.User != nil && u.Scheme == "nats" {
		return nil, nil
	}
	if u.User == nil {
		if creds := os.Getenv("NATS_CREDS"); creds != "" {
			all = append(all, nats.UserCredentials(creds))
		}
		if seed := os.Getenv("NATS_NKEY"); seed != "" {
			key, err := nats.NkeyOptionFromSeed(seed)
			if err != nil {
				return nil, fmt.Errorf("NATS_NKEY: %w", err)
			}
			all = append(all, key)
		}
		if user := os.Getenv("NATS_USER"); user != "" {
			all = append(all, nats.UserInfo(user, os.Getenv("NATS_PASSWORD")))
		}
		if token := os.Getenv("NATS_TOKEN"); token != "" {
			all = append(all, nats.Token(token))
		}
	}
	if ca := os.Getenv("NATS_CA"); ca != "" {
		all = append(all, nats.RootCAs(ca))
	}
	cert, key := os.Getenv("NATS_CERT"), os.Getenv("NATS_KEY")
	switch {
	case cert != "" && key != "":
		all = append(all, nats.ClientCert(cert, key))
	case cert != "" || key != "":
		return nil, errors.New("NATS_CERT and NATS_KEY belong together, and one of them is not set; set both or none")
	}
	return all, nil
}
