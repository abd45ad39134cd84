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

// Lasting are the options of a connection to the server u, or to others of its cluster, which u may
// name as ?addr=HOST:PORT&addr=... It lasts until it is closed: it is made anew whenever it ends,
// also after a server has refused the credentials for a while, where the client would close it for
// good otherwise; credentials are renewed, and servers that check them elsewhere do not always
// reach that place. What the connection publishes does not come back to it. Pass an empty URL to
// nats.Connect, which takes a comma in a password for the end of an address.
func Lasting(u *url.URL) []nats.Option {
	return []nats.Option{
		func(o *nats.Options) error {
			o.Servers = servers(u)
			return nil
		},
		nats.NoEcho(), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
	}
}

// servers are the addresses that a URL names.
func servers(u *url.URL) []string {
	one := *u
	one.RawQuery = ""
	all := []string{one.String()}
	for _, host := range u.Query()["addr"] {
		one.Host = host
		all = append(all, one.String())
	}
	return all
}

// Refused reports whether an error of a connection says that the server does not take the
// credentials, or that they do not allow a subject.
func Refused(err error) bool {
	for _, refusal := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrPermissionViolation} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
