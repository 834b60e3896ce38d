// Package churn changes a tenant on request: so many changes of each sort, drawn
// by a seed, or exactly the ones that are listed.
package churn

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// Most is how many changes one request can ask for.
const Most = 100_000

// Request is either counts or operations.
type Request struct {
	// Seed draws what counts leave open. The same seed changes a tenant of the
	// same version in the same way.
	Seed uint64 `json:"seed,omitempty"`

	Users               Objects `json:"users,omitzero"`
	Groups              Objects `json:"groups,omitzero"`
	ServicePrincipals   Objects `json:"servicePrincipals,omitzero"`
	Applications        Objects `json:"applications,omitzero"`
	Devices             Objects `json:"devices,omitzero"`
	Contacts            Objects `json:"contacts,omitzero"`
	AdministrativeUnits Objects `json:"administrativeUnits,omitzero"`
	PermissionGrants    Objects `json:"oauth2PermissionGrants,omitzero"`

	Members                   Links    `json:"members,omitzero"` // of groups
	Owners                    Links    `json:"owners,omitzero"`  // of groups
	DirectoryRoleMembers      Links    `json:"directoryRoleMembers,omitzero"`
	AdministrativeUnitMembers Links    `json:"administrativeUnitMembers,omitzero"`
	ServicePrincipalOwners    Links    `json:"servicePrincipalOwners,omitzero"`
	ApplicationOwners         Links    `json:"applicationOwners,omitzero"`
	Managers                  Managers `json:"managers,omitzero"`

	// IDs asks for the ids of what counts have touched.
	IDs bool `json:"ids,omitempty"`

	// Operations are done one after the other.
	Operations []Operation `json:"operations,omitempty"`

	// PurgeTellsLinks makes the links to purged objects changes of their own.
	PurgeTellsLinks bool `json:"-"`
}

// Objects counts the changes of objects of one kind.
type Objects struct {
	Create     int `json:"create,omitempty"`
	Update     int `json:"update,omitempty"`
	SoftDelete int `json:"softDelete,omitempty"`
	Restore    int `json:"restore,omitempty"`
	Purge      int `json:"purge,omitempty"`
	// Properties are the ones that updates change; empty is any.
	Properties []string `json:"properties,omitempty"`
}

// Links counts the changes of links of one relation.
type Links struct {
	Add    int `json:"add,omitempty"`
	Remove int `json:"remove,omitempty"`
}

// Managers counts the changes of managers.
type Managers struct {
	Set   int `json:"set,omitempty"`
	Clear int `json:"clear,omitempty"`
}

// Operation is one exact change.
type Operation struct {
	// Op is create, update, softDelete, restore, purge, addLink or removeLink.
	Op string `json:"op"`
	// Entity is the kind of the object, such as user or users.
	Entity string `json:"entity"`
	// ID is the object's id, for all but create. "$0" is the object of
	// operation 0 of the same request.
	ID string `json:"id,omitempty"`
	// Properties are set by create and update; null clears.
	Properties map[string]json.RawMessage `json:"properties,omitempty"`
	// Navigation and Target are the relation and the other object of a link.
	Navigation string `json:"navigation,omitempty"`
	Target     string `json:"target,omitempty"`
}

// Result is what a request has done.
type Result struct {
	// Version is the tenant's afterwards.
	Version uint64 `json:"version"`
	// Done and Undone count changes by names such as users.create. Undone are
	// those for which there was no object.
	Done   map[string]int `json:"done,omitempty"`
	Undone map[string]int `json:"undone,omitempty"`
	// IDs are the ids of what was touched, by the same names; of a link, the one
	// it starts from.
	IDs map[string][]string `json:"ids,omitempty"`
	// Operations are the ids of the operations' objects.
	Operations []string `json:"operations,omitempty"`
}

// Apply changes a tenant. After an error the changes before it are done, and
// the result tells the version.
func Apply(w *tenant.World, request Request) (Result, error) {
	plan, err := request.plan(w)
	if err != nil {
		return Result{}, err
	}
	if counted := len(plan) > 0; counted == (len(request.Operations) > 0) {
		return Result{}, errors.New("a request needs either counts or operations")
	}
	if n := len(plan) + len(request.Operations); n > Most {
		return Result{}, fmt.Errorf("%d changes are too many for one request; there can be %d", n, Most)
	}
	result := Result{Done: map[string]int{}, Undone: map[string]int{}, IDs: map[string][]string{}}
	result.Version, err = w.Write(func(writer *tenant.Writer) error {
		purged := map[tenant.Ref]bool{}
		var err error
		if len(plan) > 0 {
			draw(writer, request, plan, &result, purged)
		} else {
			err = operate(writer, request.Operations, &result, purged)
		}
		if request.PurgeTellsLinks {
			writer.EndLinks(purged)
		}
		return err
	})
	return result, err
}
