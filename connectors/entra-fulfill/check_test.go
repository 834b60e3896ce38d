package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk"
)

// What an installation needs depends on the orders that it gets, so only an application that
// can carry out none is told that something failed.
func TestCheckOfPermissions(t *testing.T) {
	sb := startSandbox(t)
	for _, tc := range []struct {
		name    string
		roles   []string
		state   sdk.FindingState
		message string // part of it
		missing []string
	}{
		{"all", roles(), sdk.OK, "for all orders are granted", nil},
		{"groups alone", []string{"Group.ReadWrite.All"}, sdk.Warned, "are missing for these orders: create and update users, delete and restore users",
			[]string{"User.ReadWrite.All", "User.Invite.All", "Device.ReadWrite.All"}},
		{"none of these", []string{"Directory.Read.All"}, sdk.Failed, "None of the permissions", []string{"Group.Create", "GroupMember.ReadWrite.All"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body, err := json.Marshal(map[string][]string{"roles": tc.roles})
			if err != nil {
				t.Fatal(err)
			}
			sb.Ask(t, http.MethodPut, "/application", string(body))
			report, err := sb.connector().Check(t.Context(), sdk.CheckRequest{Connection: sb.Connection(), Extent: sdk.Full})
			if err != nil {
				t.Fatal(err)
			}
			last := report.Findings[len(report.Findings)-1]
			if last.Subject != "orders" || last.State != tc.state || !strings.Contains(last.Message, tc.message) || (last.Hint == "") != (tc.state == sdk.OK) {
				t.Errorf("got %+v", last)
			}
			for _, f := range report.Findings {
				if f.State == sdk.Failed && f.Subject != "orders" {
					t.Errorf("got %+v", f)
				}
			}
			missing := map[string]bool{}
			for _, p := range report.Permissions {
				missing[p.Name] = p.Grant == sdk.Missing
				if !p.Optional {
					t.Errorf("%s is not optional", p.Name)
				}
			}
			if slices.ContainsFunc(tc.missing, func(name string) bool { return !missing[name] }) || tc.missing == nil && slices.ContainsFunc(report.Permissions, isMissing) {
				t.Errorf("missing are %v", missing)
			}
		})
	}
}

func isMissing(p sdk.Permission) bool { return p.Grant == sdk.Missing }

// Offline all permissions are named, with what they are for.
func TestCheckOffline(t *testing.T) {
	c := newConnector("test", nil)
	report, err := c.Check(t.Context(), sdk.CheckRequest{Extent: sdk.Offline, Connection: sdk.Connection{
		Settings: map[string]string{setting.TenantID: "contoso.com", setting.ApplicationID: "66666666-7777-8888-9999-000000000000", setting.CertificateFile: "none.pem"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) != 2 || report.Findings[1].State != sdk.Failed || report.Findings[1].Setting != setting.CertificateFile {
		t.Errorf("got %+v", report.Findings)
	}
	var purposes []string
	for _, p := range report.Permissions {
		purposes = append(purposes, p.Purpose)
		if p.Grant != sdk.Unknown {
			t.Errorf("%s is %s", p.Name, p.Grant)
		}
	}
	for _, want := range []string{"invite guests", "members of groups", "licences of users"} {
		if !strings.Contains(strings.Join(purposes, "; "), want) {
			t.Errorf("nothing is told of %q", want)
		}
	}
}
