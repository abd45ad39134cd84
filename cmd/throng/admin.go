package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/admin"
)

// adminFlags are the flags of throng serve about the Admin UI.
type adminFlags struct {
	on   bool
	mode string
	opts admin.Options
}

func (a *adminFlags) register(f *pflag.FlagSet) {
	f.BoolVar(&a.on, "admin", false, "let the Socket.IO Admin UI connect; without --admin-user from this machine only, with the secret that is printed")
	f.StringVar(&a.opts.User, "admin-user", "", "user name for the Admin UI")
	f.StringVar(&a.opts.PasswordHash, "admin-password-hash", "", "bcrypt hash of its password, as htpasswd -nB prints it (default $THRONG_ADMIN_PASSWORD_HASH)")
	f.StringVar(&a.opts.Namespace, "admin-namespace", "/admin", "namespace that the Admin UI joins")
	f.StringVar(&a.mode, "admin-mode", "development", "data for the Admin UI: development (every socket and event) or production (numbers)")
	f.BoolVar(&a.opts.ReadOnly, "admin-readonly", false, "allow the Admin UI to read, but not to act")
	f.StringVar(&a.opts.ServerID, "admin-server-id", "", "name of this server in the Admin UI (default the name of the machine)")
}

// install lets the Admin UI connect to srv, if the flags say so.
func (a *adminFlags) install(srv *server.Server, application, listen string, origins, hosts []string) error {
	if srv == nil || !a.on {
		return nil // without a server its own error says why
	}
	if application == "engine" {
		return errors.New("--admin needs namespaces, which --app engine does not have; choose another application")
	}
	switch a.mode {
	case "development":
	case "production":
		a.opts.Production = true
	default:
		return fmt.Errorf("--admin-mode %q is unknown; use development or production", a.mode)
	}
	if a.opts.User != "" && a.opts.PasswordHash == "" {
		a.opts.PasswordHash = os.Getenv("THRONG_ADMIN_PASSWORD_HASH")
	}
	if a.opts.User == "" && a.opts.PasswordHash == "" {
		if !onLocalhost(listen) && !strings.HasPrefix(listen, "unix:") {
			return fmt.Errorf("--admin without a password, and --listen %s can be reached from elsewhere; give --admin-user and --admin-password-hash, or listen on localhost", listen)
		}
		a.opts.Secret = admin.NewSecret()
		a.opts.Hosts = hosts
		a.opts.Origins = slices.DeleteFunc(slices.Clone(origins), func(o string) bool { return o == "*" })
	}
	if (a.opts.User == "") != (a.opts.PasswordHash == "") {
		return errors.New("--admin-user and --admin-password-hash belong together, and one of them is not given; give both, or neither to admit this machine alone")
	}
	a.opts.Data = tellable
	return admin.Instrument(srv, a.opts)
}

// note says where the Admin UI finds its namespace, in the address that a client
// connects to.
func (a *adminFlags) note(url string) string {
	if a.opts.Secret == "" {
		return ""
	}
	return fmt.Sprintf("admin on %s%s?secret=%s\n", url, a.opts.Namespace, a.opts.Secret)
}

// tellable returns the data of a socket if its application has made it for others
// to read.
func tellable(s *server.Socket) any {
	m, ok := s.Data.(json.Marshaler)
	if !ok {
		return nil
	}
	return m
}

// onLocalhost reports whether a TCP address to listen on is this machine's alone.
func onLocalhost(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
