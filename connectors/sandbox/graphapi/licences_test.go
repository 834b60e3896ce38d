package graphapi

import (
	"fmt"
	"strings"
	"testing"
)

const (
	enterprise   = "6fd2c87f-b296-42f0-b197-1e91e994b900"
	project      = "53818b1b-4a27-454b-8896-0dba576410e6" // two seats are free
	conferencing = "0c266dff-15dd-4b49-8397-2bb16070ed52" // needs a plan of enterprise
	suspended    = "d17b27af-3f49-4822-99f9-56a661538792"
)

func add(skus ...string) string {
	list := ""
	for _, sku := range skus {
		list += `,{"skuId":"` + sku + `","disabledPlans":[]}`
	}
	return `{"addLicenses":[` + strings.TrimPrefix(list, ",") + `],"removeLicenses":[]}`
}

const removeEnterprise = `{"addLicenses":[],"removeLicenses":["` + enterprise + `"]}`

// consumed is how many users have a product.
func (s *service) consumed(sku string) float64 {
	s.t.Helper()
	for _, v := range s.must(200, "GET", "/subscribedSkus", "").values() {
		if v["skuId"] == sku {
			return v["consumedUnits"].(float64)
		}
	}
	s.t.Fatalf("there is no SKU %s", sku)
	return 0
}

func TestUserLicences(t *testing.T) {
	s := newService(t, nil)
	ann := "/users/" + s.newUser("ann")
	const bad = "Request_BadRequest"
	before := s.consumed(enterprise)
	s.run([]step{
		{"POST", ann + "/assignLicense", add(enterprise), 400, bad, "License assignment cannot be done for user with invalid usage location."},
		{"PATCH", ann, `{"usageLocation":"CH"}`, 204, "", ""},
		{"POST", ann + "/assignLicense", `{"addLicenses":[]}`, 400, "BadRequest", "The missing parameters are: removeLicenses."},
		{"POST", ann + "/assignLicense", add("00000000-0000-0000-0000-000000000001"), 400, bad, "does not correspond to a valid company License"},
		{"POST", ann + "/assignLicense", add(conferencing), 400, bad, "depends on the service plan(s)"},
		{"POST", ann + "/assignLicense", add(suspended), 400, bad, "does not have any available licenses"},
		{"POST", ann + "/assignLicense", removeEnterprise, 400, bad, "User does not have a corresponding license."},
		{"POST", ann + "/assignLicense", add(enterprise, conferencing), 200, "", ""},
		{"POST", ann + "/assignLicense", add(enterprise), 200, "", ""},
		{"POST", ann + "/assignLicense", removeEnterprise, 400, bad, "depends on the service plan(s)"},
	})
	if now := s.consumed(enterprise); now != before+1 {
		t.Errorf("%v have the product, before it were %v", now, before)
	}
	got := s.must(200, "GET", ann+"?$select=assignedLicenses,licenseAssignmentStates,assignedPlans", "")
	if len(got.json["assignedLicenses"].([]any)) != 2 || !strings.Contains(got.body, `"assignedByGroup":null`) || len(got.json["assignedPlans"].([]any)) != 6 {
		t.Errorf("user: %s", got.body)
	}
	if got := s.must(200, "GET", ann+"/licenseDetails", ""); len(got.values()) != 2 || !strings.Contains(got.body, "ENTERPRISEPACK") {
		t.Errorf("details: %s", got.body)
	}
	s.must(204, "DELETE", ann, "")
	if now := s.consumed(enterprise); now != before {
		t.Errorf("a deleted user keeps a seat: %v", now)
	}
}

func TestSeats(t *testing.T) {
	s := newService(t, nil)
	for i := range 3 {
		user := "/users/" + s.newUser(fmt.Sprintf("user%d", i))
		s.must(204, "PATCH", user, `{"usageLocation":"CH"}`)
		want := 200
		if i == 2 {
			want = 400
		}
		s.must(want, "POST", user+"/assignLicense", add(project))
	}
}

func TestGroupLicences(t *testing.T) {
	s := newService(t, nil)
	ann, bob, group := s.newUser("ann"), s.newUser("bob"), "/groups/"+s.newGroup("licensed")
	s.must(204, "POST", group+"/members/$ref", ref(ann))
	s.must(202, "POST", group+"/assignLicense", add(enterprise))
	s.must(204, "POST", group+"/members/$ref", ref(bob))
	for _, user := range []string{ann, bob} {
		got := s.must(200, "GET", "/users/"+user+"?$select=assignedLicenses,licenseAssignmentStates", "")
		if !strings.Contains(got.body, `"skuId":"`+enterprise) || !strings.Contains(got.body, `"assignedByGroup":"`+group[len("/groups/"):]) {
			t.Errorf("member: %s", got.body)
		}
	}
	s.run([]step{
		{"POST", "/users/" + ann + "/assignLicense", removeEnterprise, 400, "Request_BadRequest",
			"User license is inherited from a group membership and it cannot be removed directly from the user."},
		{"DELETE", group + "/members/" + bob + "/$ref", "", 204, "", ""},
	})
	if got := s.must(200, "GET", "/users/"+bob+"?$select=assignedLicenses", ""); strings.Contains(got.body, enterprise) {
		t.Errorf("who left keeps the licence: %s", got.body)
	}
	s.must(202, "POST", group+"/assignLicense", removeEnterprise)
	if got := s.must(200, "GET", "/users/"+ann+"?$select=assignedLicenses", ""); strings.Contains(got.body, enterprise) {
		t.Errorf("a member keeps the licence: %s", got.body)
	}
}
