package tenant

import (
	"bytes"
	"strconv"
	"strings"
)

// Product is something that the tenant has subscribed to.
type Product struct {
	SkuID      string
	PartNumber string
	Plans      []ServicePlan
	// Free is how many more users can have it than have it from the seed.
	Free int
	// Suspended says that the subscription has lapsed; nobody can be given it.
	Suspended bool
}

// ServicePlan is a part of a product.
type ServicePlan struct {
	ID, Name, Service string
	// Needs is another plan that a user must have too; empty is none.
	Needs string
}

// products are the tenant's products; assignedLicenses of users and groups name
// the first three.
var products = []Product{
	{SkuID: "6fd2c87f-b296-42f0-b197-1e91e994b900", PartNumber: "ENTERPRISEPACK", Free: 100_000, Plans: []ServicePlan{
		{ID: "113feb6c-3fe4-4440-bddc-54d774bf0318", Name: "EXCHANGE_S_FOUNDATION", Service: "exchange"},
		{ID: "9aaf7827-d63c-4b61-89c3-182f06f82e5c", Name: "EXCHANGE_S_STANDARD", Service: "exchange"},
		{ID: "5dbe027f-2339-4123-9542-606e4d348a72", Name: "SHAREPOINTENTERPRISE", Service: "SharePoint"},
		{ID: "0feaeb32-d00e-4d66-bd5a-43b5b83db82c", Name: "MCOSTANDARD", Service: "MicrosoftCommunicationsOnline"},
		{ID: "57ff2da0-773e-42df-b2af-ffb7a2317929", Name: "TEAMS1", Service: "TeamspaceAPI"},
	}},
	{SkuID: "b05e124f-c7cc-45a0-a6aa-8cf78c946968", PartNumber: "EMSPREMIUM", Free: 100_000, Plans: []ServicePlan{
		{ID: "eec0eb4f-6444-4f95-aba0-50c24d67f998", Name: "AAD_PREMIUM_P2", Service: "AADPremiumService"},
		{ID: "c1ec4a95-1f05-45b3-a911-aa3fa01094f5", Name: "INTUNE_A", Service: "SCO"},
	}},
	{SkuID: "45715bb8-13f9-4bf6-927f-ef96c102d394", PartNumber: "OFFICE_ADDON", Free: 100_000, Plans: []ServicePlan{
		{ID: "11b0131d-43c8-4bbb-b2c8-e80f9a50834a", Name: "OFFICE_ADDON_PLAN", Service: "MicrosoftOffice"},
	}},
	{SkuID: "53818b1b-4a27-454b-8896-0dba576410e6", PartNumber: "PROJECTPROFESSIONAL", Free: 2, Plans: []ServicePlan{
		{ID: "818523f5-016b-4355-9be8-ed6944946ea7", Name: "PROJECT_PROFESSIONAL", Service: "ProjectWorkManagement"},
	}},
	{SkuID: "0c266dff-15dd-4b49-8397-2bb16070ed52", PartNumber: "MCOMEETADV", Free: 1000, Plans: []ServicePlan{
		{ID: "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40", Name: "MCOMEETADV", Service: "MicrosoftCommunicationsOnline",
			Needs: "0feaeb32-d00e-4d66-bd5a-43b5b83db82c"},
	}},
	{SkuID: "d17b27af-3f49-4822-99f9-56a661538792", PartNumber: "CRMSTANDARD", Suspended: true, Plans: []ServicePlan{
		{ID: "f9646fb2-e3b2-4309-95de-dc4833737456", Name: "CRMSTANDARD", Service: "CRM"},
	}},
}

// FindProduct returns the product of a skuId, in either case of letters, and the
// object that tells of it.
func FindProduct(skuID string) (Product, Ref, bool) {
	for i, l := range products {
		if strings.EqualFold(l.SkuID, skuID) {
			return l, Ref{Sku, uint32(i)}, true
		}
	}
	return Product{}, Ref{}, false
}

// Seats is how many users can have a product; what they have is in the property
// consumedUnits.
func (w *World) Seats(sku Ref) int {
	if products[sku.Index].Suspended {
		return 0
	}
	return w.seats()[sku.Index] + products[sku.Index].Free
}

// countSeats counts who has which product from the seed.
func (w *World) countSeats() []int {
	seats := make([]int, len(products))
	position, _ := w.schemas[User].Lookup("assignedLicenses")
	p := &w.schemas[User].Properties[position]
	var value []byte
	for i := range uint32(w.counts[User]) {
		o := w.seeded(Ref{User, i})
		value = o.AppendValue(value[:0], p)
		for n, l := range products {
			if bytes.Contains(value, []byte(l.SkuID)) {
				seats[n]++
			}
		}
	}
	return seats
}

func (w *World) appendSkuID(dst []byte, index uint32) []byte {
	dst = append(dst, w.config.TenantID...)
	dst = append(dst, '_')
	return append(dst, products[index].SkuID...)
}

func (w *World) findSku(id string) (Ref, bool) {
	tenantID, skuID, _ := strings.Cut(id, "_")
	_, r, ok := FindProduct(skuID)
	return r, ok && strings.EqualFold(tenantID, w.config.TenantID)
}

func skuProperties() []Property {
	of := func(add func(dst []byte, w *World, r Ref, l *Product) []byte) valueFunc {
		return func(dst []byte, o *Object, _ uint64) []byte { return add(dst, o.world, o.Ref, &products[o.Index]) }
	}
	return []Property{
		{Name: "accountId", steady: true, value: tenantID},
		{Name: "accountName", value: fixed(`"Contoso"`)},
		{Name: "appliesTo", value: fixed(`"User"`)},
		{Name: "capabilityStatus", value: of(func(dst []byte, _ *World, _ Ref, l *Product) []byte {
			if l.Suspended {
				return append(dst, `"Suspended"`...)
			}
			return append(dst, `"Enabled"`...)
		})},
		{Name: "consumedUnits", value: of(func(dst []byte, w *World, r Ref, _ *Product) []byte {
			return strconv.AppendInt(dst, int64(w.seats()[r.Index]), 10)
		})},
		{Name: "prepaidUnits", value: of(func(dst []byte, w *World, r Ref, l *Product) []byte {
			dst = append(dst, `{"enabled":`...)
			dst = strconv.AppendInt(dst, int64(w.Seats(r)), 10)
			if l.Suspended {
				return append(dst, `,"lockedOut":0,"suspended":25,"warning":0}`...)
			}
			return append(dst, `,"lockedOut":0,"suspended":0,"warning":0}`...)
		})},
		{Name: "servicePlans", value: of(func(dst []byte, _ *World, _ Ref, l *Product) []byte {
			return append(l.AppendPlans(append(dst, '['), nil), ']')
		})},
		{Name: "skuId", steady: true, value: of(func(dst []byte, _ *World, _ Ref, l *Product) []byte { return appendQuoted(dst, l.SkuID) })},
		{Name: "skuPartNumber", steady: true, value: of(func(dst []byte, _ *World, _ Ref, l *Product) []byte { return appendQuoted(dst, l.PartNumber) })},
		{Name: "subscriptionIds", value: fixed(`["0c0d3c5a-9a5b-4b4f-8a0e-1f6a0f2b7c11"]`)},
	}
}

// AppendPlans appends the plans as JSON objects with commas between them; those
// that are named in disabled are told as such.
func (l *Product) AppendPlans(dst []byte, disabled []string) []byte {
	for i, plan := range l.Plans {
		if i > 0 {
			dst = append(dst, ',')
		}
		status := "Success"
		for _, id := range disabled {
			if strings.EqualFold(id, plan.ID) {
				status = "Disabled"
			}
		}
		if l.Suspended {
			status = "Disabled"
		}
		dst = append(dst, `{"appliesTo":"User","provisioningStatus":"`...)
		dst = append(dst, status...)
		dst = append(dst, `","servicePlanId":"`...)
		dst = append(dst, plan.ID...)
		dst = append(dst, `","servicePlanName":"`...)
		dst = append(dst, plan.Name...)
		dst = append(dst, `"}`...)
	}
	return dst
}
