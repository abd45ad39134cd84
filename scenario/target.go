package scenario

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/regular"
)

// TargetError says that the server under test cannot be reached.
type TargetError struct {
	URL string
	Err error
}

func (e *TargetError) Error() string {
	if _, before := errors.AsType[*beforeError](e.Err); before {
		remedy := "check the steps of before: and their values"
		if errors.Is(e.Err, syscall.ECONNREFUSED) {
			remedy = "check that a server runs there"
		}
		return fmt.Sprintf("the first client could not connect to the target %s: before its connection, %v; %s", e.URL, e.Err, remedy)
	}
	d, ok := errors.AsType[*client.DialError](e.Err)
	if ok && d.Class == "connect_error" {
		// of e.Err, which keeps secrets out
		_, why, _ := strings.Cut(e.Err.Error(), "connect_error: ")
		return fmt.Sprintf("the target %s refused the first client: %s; check auth, query, headers, namespace and before of its group", e.URL, why)
	}
	remedy := cmp.Or(diagnose(e.Err, secureURL(e.URL), true), runs(e.Err))
	why := strings.TrimPrefix(e.Err.Error(), "client: ")
	if ok {
		why = plainly(d, why)
	}
	what := "cannot be reached"
	if ok && answers(d) {
		what = "answers, but not as Socket.IO"
	}
	return fmt.Sprintf("the target %s %s: %s; %s", e.URL, what, why, remedy)
}

// plainly says why a connection failed, in plain words where its class says it all. why is the
// error's own text, which keeps secrets out.
func plainly(d *client.DialError, why string) string {
	switch dns, _ := errors.AsType[*net.DNSError](d.Err); {
	case d.Stage == "tcp" && d.Class == "refused":
		return "connection refused"
	case d.Class == "timeout":
		return strings.TrimSuffix(why, ": "+context.DeadlineExceeded.Error())
	case dns != nil && dns.IsNotFound && strings.Contains(why, dns.Name):
		return "no host is known by the name " + dns.Name
	case d.Class == "other":
		return strings.Replace(why, d.Stage+": other: ", "", 1)
	}
	return why
}

// answers reports whether something else than Socket.IO has answered the first request.
func answers(d *client.DialError) bool {
	framed := d.Protocol != "" && d.Protocol != client.SocketIO
	return d.Stage == "open" && !framed && slices.Contains([]string{"http.200", "http.404", "page", "protocol"}, d.Class)
}

// unreachable is the error of a trial whose first client could not connect.
func (t *trial) unreachable(err error) error {
	at := t.server.ep.URL
	if node, ok := errors.AsType[*nodeError](err); ok {
		at, err = node.url, node.error
	}
	return &TargetError{URL: at + strings.TrimPrefix(t.server.ep.Path, client.DefaultPath), Err: err}
}

// runs is the remedy where nothing better is known.
func runs(err error) string {
	if d, ok := errors.AsType[*client.DialError](err); ok && d.Protocol != "" && d.Protocol != client.SocketIO {
		return "check that it runs there, and target.protocol"
	}
	return "check that it runs and speaks Socket.IO there"
}

// Unwrap returns the cause.
func (e *TargetError) Unwrap() error { return e.Err }

// endpoint starts the built-in server, or says where the target is. What --target leaves out is
// as in the file. A path ends with a slash, as with the official client.
func endpoint(ctx context.Context, s *file.Spec, opt Options) (ep *Endpoint, builtIn bool, err error) {
	switch {
	case opt.Target != "" || s.Target != nil:
		ep := &Endpoint{}
		if opt.Serve != nil {
			if ep, err = opt.Serve(ctx); err != nil {
				return nil, false, err
			}
		}
		ep.URL, ep.Path = cmp.Or(opt.Target, ep.URL), cmp.Or(opt.Path, ep.Path)
		if s.Target != nil {
			ep.URL, ep.Path = cmp.Or(ep.URL, s.Target.URL), cmp.Or(ep.Path, s.Target.Path)
			if s.Target.Sample != nil && ep.PID == 0 {
				ep.PID = s.Target.Sample.PID
			}
		}
		if framed := s.Target != nil && s.Target.Protocol != file.SocketIO; !framed && ep.Path != "" && !strings.HasSuffix(ep.Path, "/") {
			ep.Path += "/"
		}
		return ep, false, nil
	case opt.Start == nil:
		return nil, false, errors.New("no server to run against; name one with --target URL or target: in the file")
	}
	ep, err = opt.Start(ctx, s.Server)
	if err != nil {
		return nil, true, fmt.Errorf("start the built-in server: %w", err)
	}
	return ep, true, nil
}

// nodesOf returns the addresses of the targets: of one, where the endpoint is not the scenario's
// own.
func nodesOf(s *file.Spec, opt *Options, ep *Endpoint) []string {
	if len(ep.Nodes) > 0 && !ep.Proxied {
		all := make([]string, len(ep.Nodes))
		for i := range ep.Nodes {
			all[i] = ep.Nodes[i].URL
		}
		return all
	}
	if opt.Target != "" || s.Target == nil {
		return []string{ep.URL}
	}
	return s.Target.URLs()
}

// maxPEM is how many bytes a file of certificates may have.
const maxPEM = 16 << 20

// tlsConfig turns the file's rules into a configuration; nil for the system's. The built-in server
// is this run's own, and its certificate of WebTransport made for it: any is accepted.
func tlsConfig(s *file.Spec, builtIn bool) (*tls.Config, error) {
	t := s.Target
	switch {
	case builtIn && s.WebTransport():
		return &tls.Config{InsecureSkipVerify: true}, nil
	case t == nil || t.TLS == nil:
		return nil, nil
	}
	var pem []byte
	if t.TLS.CA != "" {
		var err error
		if pem, err = regular.ReadFile(t.TLS.CA, maxPEM); err != nil {
			return nil, fmt.Errorf("target.tls.ca: %w; name the file of the target's certificate authority", err)
		}
	}
	return tlsWith(t, pem)
}

// CheckCertificates returns an error when a trial would not find the certificates of its target's
// authority.
func CheckCertificates(f *file.File) error {
	for _, c := range f.Cells() {
		if _, err := tlsConfig(c.Spec, false); err != nil {
			return err
		}
	}
	return nil
}

// tlsWith is tlsConfig with the certificates of the file's authority.
func tlsWith(t *file.Target, pem []byte) (*tls.Config, error) {
	if len(t.TLS.Hashes) > 0 {
		return &tls.Config{InsecureSkipVerify: true, SessionTicketsDisabled: !t.TLS.Resume, VerifyConnection: func(c tls.ConnectionState) error {
			return checkHashes(t.TLS.Hashes, c.PeerCertificates[0], time.Now())
		}}, nil
	}
	conf := &tls.Config{InsecureSkipVerify: t.TLS.Insecure, ServerName: t.TLS.ServerName, SessionTicketsDisabled: !t.TLS.Resume}
	if t.TLS.CA != "" {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate; name the file of the target's certificate authority", t.TLS.CA)
		}
	}
	return conf, nil
}

// maxHashed is how long a certificate may be valid that is accepted by its hash: browsers demand it
// of serverCertificateHashes (W3C WebTransport, "verify a certificate hash").
const maxHashed = 14 * 24 * time.Hour

// checkHashes checks a certificate as a browser does that knows its hash.
func checkHashes(hashes [][sha256.Size]byte, cert *x509.Certificate, now time.Time) error {
	sum := sha256.Sum256(cert.Raw)
	switch valid := cert.NotAfter.Sub(cert.NotBefore); {
	case !slices.Contains(hashes, sum):
		return fmt.Errorf("the certificate's SHA-256 hash is %x, which target.tls.hash does not name", sum)
	case now.After(cert.NotAfter):
		return fmt.Errorf("the certificate expired at %s", cert.NotAfter.Format(time.RFC3339))
	case now.Before(cert.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s", cert.NotBefore.Format(time.RFC3339))
	case valid > maxHashed:
		return fmt.Errorf("the certificate is valid for %.1f days, and browsers accept a hash for at most 14", valid.Hours()/24)
	}
	return nil
}
