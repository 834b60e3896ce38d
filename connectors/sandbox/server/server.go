// Package server puts the sandbox together: a tenant, its Graph, its sign-in,
// faults, quota and control API behind one HTTPS address.
package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/ca"
	"github.com/usher-iga/usher/connectors/sandbox/control"
	"github.com/usher-iga/usher/connectors/sandbox/entraid"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/graphapi"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// Options says what the sandbox serves and how. The zero value of a field
// that is not explained otherwise means the usual.
type Options struct {
	Tenant tenant.Config
	Pages  graphapi.Options
	Faults faults.Settings

	// Listen is the address to listen on; empty is 127.0.0.1:0.
	Listen string
	// Hosts are further names that the server's certificate is good for.
	Hosts []string
	// CAFile is where the certificate authority is kept; empty keeps none.
	CAFile string

	// ClientID and Secret replace the ones that come from the seed.
	ClientID, Secret string
	// CertificateFile is the PEM file of a certificate that may sign in too.
	// It is made, with its key, if there is none.
	CertificateFile string
	// Roles replace the permissions that the application has.
	Roles []string
	// TokenLife is how long access tokens live; 0 is one hour.
	TokenLife time.Duration
	// QuotaUnits is the limit of resource units per ten seconds; negative is
	// the documented one, 0 is none.
	QuotaUnits int
	// MaxConcurrent is how many requests to Graph run at once; 0 is 256.
	MaxConcurrent int
	// Now is the time; nil is the machine's.
	Now func() time.Time
}

// Server is a sandbox that listens. Run serves it.
type Server struct {
	listener net.Listener
	http     *http.Server
	world    *tenant.World
	pool     *x509.CertPool
	ready    Ready
	roots    []byte
}

// Ready is what a client needs to know, and the content of the ready file.
type Ready struct {
	URL             string `json:"url"`       // of the Graph, without a version
	Authority       string `json:"authority"` // of the sign-in, without the tenant
	CAFile          string `json:"caFile,omitempty"`
	TenantID        string `json:"tenantId"`
	Domain          string `json:"domain"`
	ClientID        string `json:"clientId"`
	ClientSecret    string `json:"clientSecret"`
	ExpiredSecret   string `json:"expiredSecret"`
	CertificateFile string `json:"certificateFile,omitempty"`
	Control         string `json:"control"`
}

// New makes the tenant and begins to listen. Close or the end of Run frees the
// address; ctx bounds the looking up of its name only.
func New(ctx context.Context, options Options) (*Server, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if err := options.Faults.Validate(); err != nil {
		return nil, err
	}
	world, err := tenant.New(options.Tenant)
	if err != nil {
		return nil, err
	}
	authority, app, err := signIn(world, &options)
	if err != nil {
		return nil, err
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", cmp.Or(options.Listen, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	s := &Server{listener: listener, world: world}
	if err := s.setUp(&options, authority, app); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return s, nil
}

func (s *Server) setUp(options *Options, authority *entraid.Authority, app entraid.Registration) error {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return fmt.Errorf("cannot read the address that the server listens on: %w", err)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	certificate, err := s.certify(options, host)
	if err != nil {
		return err
	}
	url := "https://" + net.JoinHostPort(host, port)
	caFile, err := absolute(options.CAFile)
	if err != nil {
		return err
	}
	certificateFile, err := absolute(options.CertificateFile)
	if err != nil {
		return err
	}
	s.ready = Ready{
		URL: url, Authority: url, CAFile: caFile, TenantID: app.TenantID, Domain: app.Domain,
		ClientID: app.ClientID, ClientSecret: app.Secret, ExpiredSecret: app.ExpiredSecret,
		CertificateFile: certificateFile, Control: url + control.Prefix,
	}
	s.http = &http.Server{
		Handler:           handler(s.world, authority, options),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ConnContext:       faults.WithConn,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       5 * time.Minute,
		// Faults break connections all the time, which is no news.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	return nil
}

// absolute makes the name of a file good in any folder; an empty one stays.
func absolute(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	return filepath.Abs(file)
}

// certify opens the certificate authority and makes the server's certificate.
func (s *Server) certify(options *Options, host string) (tls.Certificate, error) {
	open := ca.New
	if options.CAFile != "" {
		open = func(now time.Time) (*ca.Authority, error) { return ca.Open(options.CAFile, now) }
	}
	authority, err := open(options.Now())
	if err != nil {
		return tls.Certificate{}, err
	}
	s.pool, s.roots = authority.Pool(), authority.PEM()
	hosts := append([]string{host, "localhost", "127.0.0.1", "::1"}, options.Hosts...)
	return authority.Serve(hosts, options.Now())
}

// signIn makes the registration and the authority that signs it in.
func signIn(world *tenant.World, options *Options) (*entraid.Authority, entraid.Registration, error) {
	app := entraid.Registration{
		TenantID:      world.TenantID(),
		Domain:        world.Domain(),
		ClientID:      cmp.Or(options.ClientID, world.ClientID()),
		Secret:        cmp.Or(options.Secret, demoSecret(world.Seed(), "secret")),
		ExpiredSecret: demoSecret(world.Seed(), "expired secret"),
		Roles:         options.Roles,
	}
	if app.Roles == nil {
		app.Roles = graphapi.DefaultRoles()
	}
	if options.CertificateFile != "" {
		certificate, err := ca.ClientCertificate(options.CertificateFile, options.Now())
		if err != nil {
			return nil, app, fmt.Errorf("cannot read the client's certificate: %w", err)
		}
		app.Certificate = certificate
	}
	authority, err := entraid.New(app, cmp.Or(options.TokenLife, time.Hour), options.Now)
	return authority, app, err
}

// demoSecret makes a secret in the form of Entra's from the seed. It guards
// nothing but made-up data.
func demoSecret(seed uint64, name string) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, name))
	text := base64.RawURLEncoding.EncodeToString(digest[:])
	return text[:3] + "8Q~" + text[3:37]
}

// Ready tells how to reach the server.
func (s *Server) Ready() Ready { return s.ready }

// World is the tenant that the server serves.
func (s *Server) World() *tenant.World { return s.world }

// Roots holds the certificate authority that clients must trust.
func (s *Server) Roots() *x509.CertPool { return s.pool }

// RootsPEM is the same as the text of a PEM file.
func (s *Server) RootsPEM() []byte { return s.roots }

// Close ends the server at once and breaks off what is under way. It may be
// called twice and before Run.
func (s *Server) Close() error {
	err := s.http.Close()
	if closing := s.listener.Close(); closing != nil && !errors.Is(closing, net.ErrClosed) {
		err = errors.Join(err, closing)
	}
	return err
}

// Run serves until ctx ends, which is no error. It is called once.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		// Nothing here needs a clean end: clients of a test server are told by
		// the broken connection.
		_ = s.http.Close()
	})
	defer stop()
	if err := s.http.ServeTLS(s.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return nil
}
