package main

import (
	"slices"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/entra/graph/dial"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The keys of a connection.
const (
	applicationID       = "ApplicationId"
	applicationKey      = "ApplicationKey"
	certificateFile     = "ApplicationCertificateFile"
	certificatePassword = "ApplicationCertificatePassword"
	tenantID            = "TenantId"
	cloudName           = "Cloud"
	authorityPath       = "MicrosoftAuthorityPath"
	scope               = "MicrosoftGraphPath"
	baseURL             = "MicrosoftGraphPathApi"
	responseURI         = "ResponseUri"
)

func settings() []sdk.Setting {
	return []sdk.Setting{
		{Name: tenantID, Kind: sdk.GUID, Required: true, Help: "Tenant ID, from the overview page of Microsoft Entra"},
		{Name: applicationID, Kind: sdk.GUID, Required: true, Help: "Application (client) ID of the app registration"},
		{Name: applicationKey, Kind: sdk.Text, Secret: true, Help: "Value of a client secret of the app registration; not its ID"},
		{Name: certificateFile, Kind: sdk.File, Help: "Instead of ApplicationKey: PEM file with certificate and private key, or PFX file"},
		{Name: certificatePassword, Kind: sdk.Text, Secret: true, Help: "Password of the PFX file"},
		{
			Name: cloudName, Kind: sdk.Choice, Default: "Global", Choices: []string{"Global", "USGov", "USGovDoD", "China"},
			Help: "Cloud that the tenant is in; USGov is GCC High",
		},
		{Name: authorityPath, Kind: sdk.Text, Help: "Sign-in service, if not the cloud's: a root URL, or a pattern with {0} in place of the tenant"},
		{Name: scope, Kind: sdk.Text, Help: "Scope of the token, if not that of MicrosoftGraphPathApi, such as https://graph.microsoft.com/.default"},
		{Name: baseURL, Kind: sdk.URL, Help: "Root of Microsoft Graph, if not the cloud's, such as https://graph.microsoft.com/v1.0/"},
		{Name: responseURI, Kind: sdk.Text, Default: "http://localhost", Help: "Not used: an application signs in without it"},
	}
}

// dial makes a client of a connection; it sends nothing yet. The caller closes it.
// What is wrong with the settings comes beside: then there is no client.
func (c *connector) dial(connection sdk.Connection, onWait func(time.Duration, string)) (*dial.Conn, directory.Problems) {
	if problems := checkSettings(connection); len(problems) > 0 {
		return nil, problems
	}
	conn, err := c.dialer.Dial(dial.Config{
		TenantID:            connection.Settings[tenantID],
		ClientID:            connection.Settings[applicationID],
		ClientSecret:        connection.Secrets[applicationKey],
		CertificateFile:     connection.Settings[certificateFile],
		CertificatePassword: connection.Secrets[certificatePassword],
		Cloud:               connection.Settings[cloudName],
		AuthorityPath:       connection.Settings[authorityPath],
		Scope:               connection.Settings[scope],
		BaseURL:             connection.Settings[baseURL],
		Proxy:               connection.Network.Proxy,
		NoProxy:             connection.Network.NoProxy,
		RootsPEM:            connection.Network.TrustedCertificates,
		UserAgent:           "usher-entra-export/" + c.version,
		Logger:              c.logger,
		Clock:               c.clock,
		OnWait:              onWait,
	})
	if err == nil {
		return conn, nil
	}
	problem := fault.Of(err)
	if problem == nil {
		problem = fault.Errorf(fault.Internal, "%w", err)
	}
	return nil, directory.Problems{problem}
}

// checkSettings tells what is missing and what contradicts each other.
func checkSettings(conn sdk.Connection) (problems directory.Problems) {
	for _, s := range settings() {
		if s.Required && conn.Settings[s.Name] == "" {
			problems = append(problems, fault.Errorf(fault.Invalid, "%s is missing", s.Name).WithSetting(s.Name).WithHint("%s", s.Help))
		}
	}
	key, file := conn.Secrets[applicationKey] != "", conn.Settings[certificateFile] != ""
	switch {
	case key && file:
		problems = append(problems, fault.Errorf(fault.Invalid, "both %s and %s are set", applicationKey, certificateFile).
			WithSetting(certificateFile).WithHint("Keep one of the two"))
	case !key && !file:
		problems = append(problems, fault.Errorf(fault.Invalid, "neither %s nor %s is set", applicationKey, certificateFile).
			WithSetting(applicationKey).WithHint("Give the value of a client secret, or a certificate"))
	case key && conn.Secrets[certificatePassword] != "":
		problems = append(problems, fault.Errorf(fault.Invalid, "%s is set, but %s is not", certificatePassword, certificateFile).
			WithSetting(certificatePassword).WithHint("Remove it, or give the certificate in place of the client secret"))
	}
	return problems
}

// plan looks up what is asked for, in the connection's cloud.
func plan(conn sdk.Connection, collections []sdk.Collection, attributes []sdk.Attribute) (*directory.Plan, directory.Problems) {
	p, problems := directory.NewPlan(collections, attributes)
	if p == nil {
		return nil, problems
	}
	for _, c := range p.Collections {
		cloud := conn.Settings[cloudName]
		if slices.ContainsFunc(c.Entity.UntrackedIn, func(name string) bool { return strings.EqualFold(name, cloud) }) {
			problems = append(problems, fault.Errorf(fault.Invalid, "%s cannot be exported: the cloud %s has no delta query for it", c.Entity.Name, cloud).
				WithHint("Leave it out"))
		}
	}
	return p, problems
}
