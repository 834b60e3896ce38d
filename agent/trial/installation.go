package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Connection is the id of the connection that an Installation has.
const Connection = "Contoso"

// Installation is a folder with the settings, work and output of one agent.
type Installation struct {
	Root     string // holds Runtime, Temp and Work
	Programs Programs
	Tenant   Tenant

	// Complete makes every export a complete one.
	Complete bool
	// Change, if set, changes the settings of the connection before they are written.
	Change func(connection map[string]any)
	// ChangeRoot, if set, changes the root of the settings.
	ChangeRoot func(root map[string]any)
}

// Settings is the folder of the appsettings files.
func (i *Installation) Settings() string { return filepath.Join(i.Root, "Runtime") }

// Output is the folder of the exported files.
func (i *Installation) Output() string { return filepath.Join(i.Root, "Temp", "ExportOutput") }

// ConnectionSettings gives the settings of the connection.
func (i *Installation) ConnectionSettings() map[string]any {
	connection := map[string]any{
		"TenantId":               i.Tenant.TenantID,
		"ApplicationId":          i.Tenant.ClientID,
		"ApplicationKey":         i.Tenant.ClientSecret,
		"MicrosoftAuthorityPath": i.Tenant.Authority,
		"MicrosoftGraphPathApi":  i.Tenant.URL + "/v1.0/",
		"EntityTypeMapping":      map[string]any{"Properties": Columns("id", "displayName", "userPrincipalName", "mail", "accountEnabled", "userType", "groupTypes", "proxyAddresses")},
	}
	if i.Complete {
		connection["IgnoreCookieFile"] = true
	}
	if i.Change != nil {
		i.Change(connection)
	}
	maps.DeleteFunc(connection, func(_ string, v any) bool { return v == nil })
	return connection
}

// Write writes the settings.
func (i *Installation) Write() error {
	root := map[string]any{
		"TrustedCertificates": i.Tenant.CAFile,
		"Connectors":          map[string]any{"Folder": i.Programs.Connectors},
		"Connections":         map[string]any{Connection: i.ConnectionSettings()},
	}
	if i.ChangeRoot != nil {
		i.ChangeRoot(root)
	}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		os.MkdirAll(i.Settings(), 0o700),
		os.WriteFile(filepath.Join(i.Settings(), "appsettings.agent.json"), text, 0o600),
	)
}

// Columns gives the Properties of a mapping; the first is the primary key.
func Columns(names ...string) []map[string]any {
	var all []map[string]any
	for _, name := range names {
		column := map[string]any{"ConnectionColumn": name}
		if name == "id" {
			column["IsPrimaryKey"] = true
		}
		all = append(all, column)
	}
	return all
}

// Result is what a command left behind.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Command prepares `usher arguments...` with the settings of the installation. The
// environment is the caller's without proxies and certificates.
func (i *Installation) Command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, i.Programs.Usher, append(arguments, "--settings", i.Settings())...)
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(variable), "=")
		switch name {
		case "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "ASPNETCORE_ENVIRONMENT":
		default:
			cmd.Env = append(cmd.Env, variable)
		}
	}
	return cmd
}

// Run runs `usher arguments...` and waits for its end. An error means that it could
// not be run; how it ended is in the result.
func (i *Installation) Run(ctx context.Context, arguments ...string) (Result, error) {
	cmd := i.Command(ctx, arguments...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = nil
		return Result{Code: exit.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}, err
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String()}, err
}

// Show runs `usher arguments...` with its output going to w.
func (i *Installation) Show(ctx context.Context, w io.Writer, arguments ...string) error {
	cmd := i.Command(ctx, arguments...)
	cmd.Stdout, cmd.Stderr = w, w
	return cmd.Run()
}
