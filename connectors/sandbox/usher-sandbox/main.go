// Command usher-sandbox serves a simulated Microsoft Entra tenant over HTTPS.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/connectors/sandbox/control"
	"github.com/usher-iga/usher/connectors/sandbox/cyberark"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/server"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

func main() {
	os.Exit(run())
}

// run runs the command line and returns the exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "usher-sandbox:", err)
		return 1
	}
	return 0
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "usher-sandbox",
		Short:         "A simulated Microsoft Entra tenant",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newServe())
	return root
}

// serveFlags are the flags of serve that are no field of server.Options.
type serveFlags struct {
	readyFile string
	faultRate float64
	latency   time.Duration
	slowBody  time.Duration
	gzip      bool
}

func newServe() *cobra.Command {
	options := server.Options{Tenant: tenant.DefaultConfig()}
	var flags serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the tenant until interrupted",
		Long: "Serve Microsoft Graph v1.0 and the sign-in of Entra ID over HTTPS, for a tenant that is made up from a seed.\n" +
			"The same flags always make the same tenant. The same address answers for a key vault (/secrets/...), for\n" +
			"CyberArk's Central Credential Provider (" + cyberark.Path + ") and for the control API\n" +
			"(" + control.Prefix + "); connectors/sandbox/README.md tells what each can do.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return serve(c.Context(), c.OutOrStdout(), options, flags)
		},
	}
	addServerFlags(c, &options, &flags)
	addTenantFlags(c, &options.Tenant)
	c.Flags().StringVar(&options.Cloud, "cloud", "Global", "cloud of the tenant: Global, USGov, USGovDoD or China")
	c.Flags().StringVar(&options.TenantType, "tenant-type", "AAD", "type of the tenant: AAD, \"AAD B2C\" or CIAM")
	return c
}

func addServerFlags(c *cobra.Command, o *server.Options, flags *serveFlags) {
	f := c.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:8443", "address to listen on; port 0 takes a free one")
	f.StringSliceVar(&o.Hosts, "host", nil, "further host name that the certificate is good for, beside those of the clouds")
	f.StringVar(&o.ListenManaged, "imds-listen", "", "address to serve managed identities on, over plain HTTP; port 0 takes a free one")
	f.StringVar(&o.CAFile, "ca-file", "sandbox-ca.pem", "file of the certificate authority; made if there is none")
	f.StringVar(&flags.readyFile, "ready-file", "", "JSON file that is written once the tenant can be reached")

	f.StringVar(&o.ClientID, "client-id", "", "client id of the application (default from the seed)")
	f.StringVar(&o.Secret, "client-secret", "", "secret of the application (default from the seed)")
	f.StringVar(&o.CertificateFile, "client-certificate", "", "PEM file of a certificate that may sign in; made with its key if there is none")
	f.StringVar(&o.FederatedFile, "federated-token", "", "file that a token of the outside issuer is written to")
	f.StringVar(&o.CyberArkFile, "cyberark-certificate", "", "PEM file of the certificate that CyberArk asks callers for; made with its key if there is none")
	f.StringVar(&o.ArcFolder, "arc-tokens", "", "folder of the key files of Azure Arc (default usher-sandbox-arc among the temporary files)")
	f.StringSliceVar(&o.Roles, "role", nil, "permission that the application has (default all that reading needs)")
	f.DurationVar(&o.TokenLife, "token-life", time.Hour, "how long access tokens live")

	f.IntVar(&o.Pages.DeltaObjects, "page-size", 200, "objects on a page of a delta query at most")
	f.IntVar(&o.Pages.DeltaLinks, "page-links", 500, "links on a page of a delta query at most")
	f.BoolVar(&flags.gzip, "gzip", true, "compress answers for clients that take them so")
	f.BoolVar(&o.Writes, "writes", false, "give the application the permissions that writing needs, too")
	f.IntVar(&o.WriteQuota, "write-quota", -1, "writes per 150 seconds; 0 for no limit, -1 for the documented one")
	f.IntVar(&o.QuotaUnits, "quota", -1, "resource units per 10 seconds; 0 for no limit, -1 for the documented one")
	f.IntVar(&o.MaxConcurrent, "max-concurrent", 256, "requests to Graph that run at once; others wait")

	f.DurationVar(&flags.latency, "latency", 0, "time that every answer of Graph takes")
	f.Float64Var(&flags.faultRate, "fault-rate", 0, "share of requests, 0 to 1, that fail in one of the usual ways")
	f.StringSliceVar(&o.Faults.RetryAfter, "retry-after", []string{"0.02"}, "values of Retry-After: seconds, date or none")
	f.DurationVar(&flags.slowBody, "slow-body", 200*time.Millisecond, "how long a body takes that is slow on request")
	f.StringSliceVar(&o.Faults.MissingPermissions, "missing-permission", nil, "permission to be treated as not consented to")
}

func addTenantFlags(c *cobra.Command, t *tenant.Config) {
	f := c.Flags()
	f.Uint64Var(&t.Seed, "seed", t.Seed, "number that the tenant is made from")
	f.StringVar(&t.TenantID, "tenant-id", "", "id of the tenant (default from the seed)")
	f.StringVar(&t.Domain, "domain", t.Domain, "domain of the users' names")
	f.IntVar(&t.Users, "users", t.Users, "number of users")
	f.IntVar(&t.Groups, "groups", t.Groups, "number of groups")
	f.IntVar(&t.Memberships, "memberships", t.Memberships, "members of all groups together")
	f.IntVar(&t.DirectoryRoles, "directory-roles", t.DirectoryRoles, "number of activated directory roles")
	f.IntVar(&t.ServicePrincipals, "service-principals", t.ServicePrincipals, "number of service principals")
	f.IntVar(&t.Applications, "applications", t.Applications, "number of applications")
	f.IntVar(&t.Devices, "devices", t.Devices, "number of devices")
	f.IntVar(&t.Contacts, "contacts", t.Contacts, "number of organizational contacts")
	f.IntVar(&t.AdministrativeUnits, "administrative-units", t.AdministrativeUnits, "number of administrative units")
	f.IntVar(&t.PermissionGrants, "permission-grants", t.PermissionGrants, "number of delegated permission grants")
}

// serve runs the sandbox until ctx ends.
func serve(ctx context.Context, out io.Writer, options server.Options, flags serveFlags) error {
	options.Pages.NoGzip = !flags.gzip
	options.Faults.Rates = faults.Spread(flags.faultRate)
	options.Faults.Latency = faults.Duration(flags.latency)
	options.Faults.SlowBody = faults.Duration(flags.slowBody)
	s, err := server.New(ctx, options)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // after Run it does nothing
	if flags.readyFile != "" {
		// The listener is open: a client that comes at once waits in its queue.
		if err := server.WriteReady(flags.readyFile, s.Ready()); err != nil {
			return err
		}
	}
	if err := describe(out, s); err != nil {
		return err
	}
	return s.Run(ctx)
}

// describe prints what a client needs, one plain line each.
func describe(out io.Writer, s *server.Server) error {
	ready, w := s.Ready(), s.World()
	_, err := fmt.Fprintf(out, `The simulated tenant is ready: %d users, %d groups, %d memberships.
  Graph          %s
  Authority      %s
  CA             %s
  Tenant id      %s
  Client id      %s
  Client secret  %s  (for this demo only)
  Control        %s
`, w.Count(tenant.User), w.Count(tenant.Group), w.Memberships(), ready.URL, ready.Authority, ready.CAFile, ready.TenantID,
		ready.ClientID, ready.ClientSecret, ready.Control)
	return err
}
