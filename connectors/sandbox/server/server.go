// Package server puts the sandbox together: a tenant, its Graph, its sign-in,
// vaults, faults, quota and control API behind one HTTPS address, and managed
// identities behind a plain one.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-iga/usher/connectors/sandbox/ca"
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

	// Cloud is the name of the tenant's cloud; empty is Global.
	Cloud string
	// TenantType is AAD, AAD B2C or CIAM; empty is AAD.
	TenantType string

	// Listen is the address to listen on; empty is 127.0.0.1:0.
	Listen string
	// ListenManaged is the address on which managed identities are served;
	// empty is none.
	ListenManaged string
	// Hosts are further names that the server's certificate is good for.
	Hosts []string
	// CAFile is where the certificate authority is kept; empty keeps none.
	CAFile string

	// ClientID and Secret replace the ones that come from the seed.
	ClientID, Secret string
	// CertificateFile is the PEM file of a certificate that may sign in too.
	// It is made, with its key, if there is none.
	CertificateFile string
	// FederatedFile is where a token of the outside issuer is written at the
	// start; empty is nowhere.
	FederatedFile string
	// CyberArkFile is the PEM file of the certificate that callers of CyberArk
	// must show, made like CertificateFile; empty asks for none.
	CyberArkFile string
	// ArcFolder is where the Arc form of managed identities writes its keys;
	// empty is a folder for temporary files.
	ArcFolder string
	// Roles replace the permissions that the application has.
	Roles []string
	// TokenLife is how long access tokens live; 0 is one hour.
	TokenLife time.Duration
	// QuotaUnits is the limit of resource units per ten seconds; negative is
	// the documented one, 0 is none.
	QuotaUnits int
	// WriteQuota is the limit of writes per 150 seconds; negative is the
	// documented one, 0 is none.
	WriteQuota int
	// Writes gives the application the permissions that writing needs, beside those of reading.
	Writes bool
	// MaxConcurrent is how many requests to Graph run at once; 0 is 256.
	MaxConcurrent int
	// Now is the time; nil is the machine's.
	Now func() time.Time
}

// Server is a sandbox that listens. Run serves it.
type Server struct {
	listener net.Listener
	http     *http.Server
	// managed serves managed identities, nil if there are none.
	managed         *http.Server
	managedListener net.Listener

	world *tenant.World
	pool  *x509.CertPool
	ready Ready
	roots []byte
}

// New makes the tenant and begins to listen. Close or the end of Run frees the
// addresses; ctx bounds the looking up of their names only.
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
	if err := world.SetType(cmp.Or(options.TenantType, "AAD")); err != nil {
		return nil, err
	}
	s := &Server{world: world}
	if err := s.listen(ctx, &options); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.setUp(&options); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) listen(ctx context.Context, options *Options) (err error) {
	var listening net.ListenConfig
	if s.listener, err = listening.Listen(ctx, "tcp", cmp.Or(options.Listen, "127.0.0.1:0")); err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	if options.ListenManaged == "" {
		return nil
	}
	if s.managedListener, err = listening.Listen(ctx, "tcp", options.ListenManaged); err != nil {
		return fmt.Errorf("cannot listen for managed identities: %w", err)
	}
	return nil
}

func (s *Server) setUp(options *Options) error {
	host, port, err := reachable(s.listener)
	if err != nil {
		return err
	}
	certificate, err := s.certify(options, host)
	if err != nil {
		return err
	}
	services, err := newServices(s.world, options, "https://"+net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	if s.ready, err = services.ready(options); err != nil {
		return err
	}
	s.http = &http.Server{
		Handler: services.handler(options),
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
			// CyberArk looks at it; nothing else does.
			ClientAuth: tls.RequestClientCert,
		},
		ConnContext:       faults.WithConn,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       5 * time.Minute,
		// Faults break connections all the time, which is no news.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	if s.managedListener != nil {
		return s.setUpManaged(options, services)
	}
	return nil
}

func (s *Server) setUpManaged(options *Options, services *services) error {
	host, port, err := reachable(s.managedListener)
	if err != nil {
		return err
	}
	s.ready.IMDS = "http://" + net.JoinHostPort(host, port)
	s.ready.IdentityHeader = demoSecret(s.world.Seed(), "identity header")
	s.managed = &http.Server{
		Handler:           services.identity(options, s.ready.IdentityHeader),
		ReadHeaderTimeout: 30 * time.Second,
	}
	return nil
}

// reachable is the address of a listener as clients on this machine reach it.
func reachable(l net.Listener) (host, port string, err error) {
	if host, port, err = net.SplitHostPort(l.Addr().String()); err != nil {
		return "", "", fmt.Errorf("cannot read the address that the server listens on: %w", err)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return host, port, nil
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
	hosts := slices.Concat([]string{host, "localhost", "127.0.0.1", "::1"}, entraid.Hosts(), options.Hosts)
	return authority.Serve(hosts, options.Now())
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
	var errs []error
	for _, server := range []*http.Server{s.http, s.managed} {
		if server != nil {
			errs = append(errs, server.Close())
		}
	}
	for _, listener := range []net.Listener{s.listener, s.managedListener} {
		if listener == nil {
			continue
		}
		if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends, which is no error. It is called once.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	// Nothing here needs a clean end: clients of a test server are told by the
	// broken connection.
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	group.Go(func() error { return ended(s.http.ServeTLS(s.listener, "", "")) })
	if s.managed != nil {
		group.Go(func() error { return ended(s.managed.Serve(s.managedListener)) })
	}
	return group.Wait()
}

// ended is the error with which a server ended, none if it was closed.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("cannot serve: %w", err)
}
