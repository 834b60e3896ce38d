package delta_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/usher-iga/usher/connectors/entra/delta"
	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/record"
)

// discard takes rows and does nothing.
type discard struct{}

func (discard) Object(*record.Object) error { return nil }
func (discard) Links(*record.Links) error   { return nil }

func BenchmarkUsers(b *testing.B) {
	paths := []string{
		"accountEnabled", "businessPhones", "companyName", "createdDateTime", "department", "displayName", "employeeId",
		"employeeOrgData/costCenter", "givenName", "jobTitle", "mail", "mobilePhone", "proxyAddresses", "surname", "userPrincipalName",
	}
	var page bytes.Buffer
	page.WriteString(`{"@odata.context":"https://graph.example/v1.0/$metadata#users","@odata.nextLink":"https://graph.example/v1.0/users/delta?$skiptoken=x","value":[`)
	for i := range 200 {
		if i > 0 {
			page.WriteByte(',')
		}
		fmt.Fprintf(&page, `{"accountEnabled":true,"businessPhones":["+49 30 %07d"],"companyName":"Contoso GmbH","createdDateTime":"2021-03-04T05:06:07Z",`+
			`"department":"Research \u0026 Development","displayName":"Jürgen Müller %d","employeeId":"%08d","employeeOrgData":{"division":"West","costCenter":"4711"},`+
			`"givenName":"Jürgen","jobTitle":null,"mail":"juergen.mueller%d@contoso.example","mobilePhone":null,`+
			`"proxyAddresses":["SMTP:juergen.mueller%d@contoso.example","smtp:jm%d@contoso.onmicrosoft.example"],"surname":"Müller",`+
			`"userPrincipalName":"juergen.mueller%d@contoso.example","id":"87d349ed-44d7-43e1-9a83-%012d"}`, i, i, i, i, i, i, i, i)
	}
	page.WriteString(`]}`)
	benchmark(b, sdk.Collection{Entity: "user"}, paths, page.Bytes())
}

func BenchmarkMembers(b *testing.B) {
	var page bytes.Buffer
	page.WriteString(`{"@odata.context":"c","@odata.nextLink":"n","value":[{"displayName":"All","id":"c2f798fd-f95d-4623-8824-63aec21fffff","members@delta":[`)
	for i := range 500 {
		if i > 0 {
			page.WriteByte(',')
		}
		fmt.Fprintf(&page, `{"@odata.type":"#microsoft.graph.user","id":"87d349ed-44d7-43e1-9a83-%012d"}`, i)
	}
	page.WriteString(`]}]}`)
	benchmark(b, sdk.Collection{Entity: "group", Navigations: []string{"members"}}, []string{"displayName"}, page.Bytes())
}

func benchmark(b *testing.B, c sdk.Collection, paths []string, page []byte) {
	b.Helper()
	var attributes []sdk.Attribute
	for _, path := range paths {
		attributes = append(attributes, sdk.Attribute{Path: path})
	}
	plan, problems := directory.NewPlan([]sdk.Collection{c}, attributes)
	if len(problems) > 0 {
		b.Fatal(problems.Err())
	}
	parser := delta.NewParser(plan.Collections[0])
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if err := parser.Page(page, discard{}); err != nil {
			b.Fatal(err)
		}
	}
}
