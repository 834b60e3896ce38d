package edit

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// assigned is an entry of assignedLicenses.
type assigned struct {
	DisabledPlans []string `json:"disabledPlans"`
	SkuID         string   `json:"skuId"`
}

// state is an entry of licenseAssignmentStates: how a user comes to a licence. It
// is direct, or by the group with the id AssignedByGroup.
type state struct {
	AssignedByGroup     *string  `json:"assignedByGroup"`
	DisabledPlans       []string `json:"disabledPlans"`
	Error               string   `json:"error"`
	LastUpdatedDateTime string   `json:"lastUpdatedDateTime"`
	SkuID               string   `json:"skuId"`
	State               string   `json:"state"`
}

func (s *state) active() bool { return s.State == "Active" }

// licenceChange is the body of assignLicense.
type licenceChange struct {
	add    []assigned
	remove []string
}

func readLicenceChange(body Body) (licenceChange, error) {
	var c licenceChange
	var absent []string
	for _, name := range []string{"addLicenses", "removeLicenses"} {
		if value, ok := body[name]; !ok || string(value) == "null" {
			absent = append(absent, name)
		}
	}
	if len(absent) > 0 {
		return c, missing("assignLicense", absent...)
	}
	if err := body.read("addLicenses", &c.add); err != nil {
		return c, err
	}
	if err := body.read("removeLicenses", &c.remove); err != nil {
		return c, err
	}
	for i, a := range c.add {
		product, _, ok := tenant.FindProduct(a.SkuID)
		if !ok {
			return c, Bad("License %s does not correspond to a valid company License.", a.SkuID)
		}
		c.add[i].SkuID = product.SkuID
		if a.DisabledPlans == nil {
			c.add[i].DisabledPlans = []string{}
		}
		for _, plan := range a.DisabledPlans {
			if !slices.ContainsFunc(product.Plans, func(p tenant.ServicePlan) bool { return strings.EqualFold(p.ID, plan) }) {
				return c, Bad("License %s does not contain the service plan %s.", a.SkuID, plan) // the words are not documented
			}
		}
		again := func(other assigned) bool { return strings.EqualFold(other.SkuID, a.SkuID) }
		if slices.ContainsFunc(c.add[:i], again) || containsFold(c.remove, a.SkuID) {
			return c, Bad("Request contains a property with duplicate values.")
		}
	}
	return c, nil
}

// AssignUserLicences is POST /users/{id}/assignLicense.
func (e *Edit) AssignUserLicences(user tenant.Ref, body Body) error {
	change, err := readLicenceChange(body)
	if err != nil {
		return err
	}
	if len(change.add) > 0 && e.text(user, "usageLocation") == "" {
		return Bad("License assignment cannot be done for user with invalid usage location.")
	}
	states := e.states(user)
	for _, sku := range change.remove {
		direct, inherited := find(states, sku, nil), slices.ContainsFunc(states, func(s state) bool {
			return strings.EqualFold(s.SkuID, sku) && s.AssignedByGroup != nil
		})
		switch {
		case direct >= 0:
			states = slices.Delete(states, direct, direct+1)
		case inherited:
			return Bad("User license is inherited from a group membership and it cannot be removed directly from the user.")
		default:
			return Bad("User does not have a corresponding license.")
		}
	}
	for _, a := range change.add {
		next := state{DisabledPlans: a.DisabledPlans, Error: "None", LastUpdatedDateTime: textOf(e.stamp()), SkuID: a.SkuID, State: "Active"}
		if i := find(states, a.SkuID, nil); i >= 0 {
			next.LastUpdatedDateTime = states[i].LastUpdatedDateTime
			states[i] = next
			continue
		}
		if !holdsSku(states, a.SkuID) && e.free(a.SkuID) < 1 {
			return Bad("Subscription with SKU %s does not have any available licenses.", a.SkuID)
		}
		states = append(states, next)
	}
	if err := checkPlans(states); err != nil {
		return err
	}
	return e.setStates(user, states)
}

// states is how a user comes to licences. What assignedLicenses has beyond
// licenseAssignmentStates counts as direct.
func (e *Edit) states(user tenant.Ref) []state {
	licences := e.licences(user)
	var told, states []state
	if json.Unmarshal(orNull(e.Value(user, "licenseAssignmentStates")), &told) != nil {
		told = nil
	}
	for _, s := range told {
		holds := slices.ContainsFunc(licences, func(a assigned) bool { return a.SkuID == s.SkuID })
		if holds || !s.active() {
			states = append(states, s)
		}
	}
	for _, a := range licences {
		if !holdsSku(states, a.SkuID) {
			states = append(states, state{DisabledPlans: a.DisabledPlans, Error: "None", LastUpdatedDateTime: textOf(e.stamp()),
				SkuID: a.SkuID, State: "Active"})
		}
	}
	return states
}

// licences are an object's assignedLicenses.
func (e *Edit) licences(r tenant.Ref) []assigned {
	var licences []assigned
	if json.Unmarshal(orNull(e.Value(r, "assignedLicenses")), &licences) != nil {
		return nil
	}
	return licences
}

// find returns the place of a licence that comes from a group, or directly if
// that is nil; -1 for none.
func find(states []state, sku string, group *string) int {
	return slices.IndexFunc(states, func(s state) bool {
		sameSource := s.AssignedByGroup == group
		if s.AssignedByGroup != nil && group != nil {
			sameSource = *s.AssignedByGroup == *group
		}
		return sameSource && strings.EqualFold(s.SkuID, sku)
	})
}

func holdsSku(states []state, sku string) bool {
	return slices.ContainsFunc(states, func(s state) bool { return s.active() && strings.EqualFold(s.SkuID, sku) })
}

// effective is what states come to: a plan is off if all ways to it have it off.
func effective(states []state) []assigned {
	var all []assigned
	for _, s := range states {
		if !s.active() {
			continue
		}
		i := slices.IndexFunc(all, func(a assigned) bool { return a.SkuID == s.SkuID })
		if i < 0 {
			all = append(all, assigned{DisabledPlans: append([]string{}, s.DisabledPlans...), SkuID: s.SkuID})
			continue
		}
		all[i].DisabledPlans = slices.DeleteFunc(all[i].DisabledPlans, func(plan string) bool { return !containsFold(s.DisabledPlans, plan) })
	}
	return all
}

// plansOf returns the service plans that are on.
func plansOf(licences []assigned) []tenant.ServicePlan {
	var plans []tenant.ServicePlan
	for _, a := range licences {
		product, _, _ := tenant.FindProduct(a.SkuID)
		for _, plan := range product.Plans {
			if !containsFold(a.DisabledPlans, plan.ID) {
				plans = append(plans, plan)
			}
		}
	}
	return plans
}

// checkPlans refuses plans without those that they need.
func checkPlans(states []state) error {
	plans := plansOf(effective(states))
	for _, plan := range plans {
		if plan.Needs != "" && !slices.ContainsFunc(plans, func(p tenant.ServicePlan) bool { return p.ID == plan.Needs }) {
			return Bad("License assignment failed because service plan %s depends on the service plan(s) %s", plan.ID, plan.Needs)
		}
	}
	return nil
}

// setStates writes a user's licences and takes and frees seats for them.
func (e *Edit) setStates(user tenant.Ref, states []state) error {
	before := effective(e.states(user))
	after := effective(states)
	has := func(list []assigned, sku string) bool {
		return slices.ContainsFunc(list, func(a assigned) bool { return a.SkuID == sku })
	}
	plans := []map[string]string{}
	for _, plan := range plansOf(after) {
		plans = append(plans, map[string]string{"assignedDateTime": textOf(e.stamp()), "capabilityStatus": "Enabled",
			"service": plan.Service, "servicePlanId": plan.ID})
	}
	err := e.set(user, Values{"assignedLicenses": asJSON(orEmpty(after)), "licenseAssignmentStates": asJSON(orEmpty(states)),
		"assignedPlans": asJSON(plans)})
	for _, a := range before {
		if err == nil && !has(after, a.SkuID) {
			err = e.seat(a.SkuID, -1)
		}
	}
	for _, a := range after {
		if err == nil && !has(before, a.SkuID) {
			err = e.seat(a.SkuID, 1)
		}
	}
	return err
}

// orEmpty makes a list that JSON writes as [].
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// free is how many more users can have a product.
func (e *Edit) free(sku string) int {
	_, r, ok := tenant.FindProduct(sku)
	if !ok {
		return 0
	}
	return e.Seats(r) - e.consumed(r)
}

func (e *Edit) consumed(sku tenant.Ref) int {
	n, err := strconv.Atoi(string(e.Value(sku, "consumedUnits")))
	if err != nil {
		return 0
	}
	return n
}

// seat changes how many users have a product.
func (e *Edit) seat(sku string, by int) error {
	_, r, ok := tenant.FindProduct(sku)
	if !ok {
		return nil
	}
	return e.Update(r, Values{"consumedUnits": asJSON(max(0, e.consumed(r)+by))})
}

// AssignGroupLicences is POST /groups/{id}/assignLicense. The members have the
// licences at once; the real service takes its time.
func (e *Edit) AssignGroupLicences(group tenant.Ref, body Body) error {
	change, err := readLicenceChange(body)
	if err != nil {
		return err
	}
	licences := e.licences(group)
	for _, sku := range change.remove {
		i := slices.IndexFunc(licences, func(a assigned) bool { return strings.EqualFold(a.SkuID, sku) })
		if i < 0 {
			return Bad("Group does not have a corresponding license.") // the words are not documented
		}
		licences = slices.Delete(licences, i, i+1)
	}
	for _, a := range change.add {
		licences = slices.DeleteFunc(licences, func(other assigned) bool { return other.SkuID == a.SkuID })
		licences = append(licences, a)
	}
	if err := e.set(group, Values{"assignedLicenses": asJSON(orEmpty(licences)),
		"licenseProcessingState": asJSON(map[string]string{"state": "ProcessingComplete"})}); err != nil {
		return err
	}
	links := e.Links(group, tenant.Members)
	var members []tenant.Ref
	for i := range links.Slots() {
		if member, tie := links.At(i); tie == tenant.Linked && member.Kind == tenant.User {
			members = append(members, member)
		}
	}
	for _, member := range members {
		if err := e.inheritOnly(group, member, licences); err != nil {
			return err
		}
	}
	return nil
}

// inherit gives a new member the licences of a group. Those that groups have from
// the seed are for show: their members do not have them either.
func (e *Edit) inherit(group, member tenant.Ref) error {
	if member.Kind != tenant.User || !e.Touched(group, "assignedLicenses") {
		return nil
	}
	licences := e.licences(group)
	if len(licences) == 0 {
		return nil
	}
	return e.inheritOnly(group, member, licences)
}

// disinherit takes a group's licences from someone who was its member.
func (e *Edit) disinherit(group, member tenant.Ref) error {
	if member.Kind != tenant.User || !e.Touched(group, "assignedLicenses") {
		return nil
	}
	return e.inheritOnly(group, member, nil)
}

// inheritOnly makes what a user has from a group be so. A licence without a free
// seat is there in error.
func (e *Edit) inheritOnly(group, member tenant.Ref, licences []assigned) error {
	id := e.ID(group)
	states := slices.DeleteFunc(e.states(member), func(s state) bool { return s.AssignedByGroup != nil && *s.AssignedByGroup == id })
	for _, a := range licences {
		s := state{AssignedByGroup: &id, DisabledPlans: a.DisabledPlans, Error: "None", LastUpdatedDateTime: textOf(e.stamp()),
			SkuID: a.SkuID, State: "Active"}
		if !holdsSku(e.states(member), a.SkuID) && e.free(a.SkuID) < 1 {
			s.Error, s.State = "CountViolation", "Error"
		}
		states = append(states, s)
	}
	return e.setStates(member, states)
}
