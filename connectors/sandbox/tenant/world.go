package tenant

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
)

// Config says how large a tenant is and from which seed it grows. The same
// Config always gives the same tenant, byte for byte.
type Config struct {
	Seed uint64
	// TenantID is the directory's id; empty takes one from the seed.
	TenantID string
	// Domain is the verified domain of the users' names.
	Domain string

	Users               int
	Groups              int
	Memberships         int // of all groups together
	DirectoryRoles      int
	ServicePrincipals   int
	Applications        int
	Devices             int
	Contacts            int
	AdministrativeUnits int
	PermissionGrants    int
}

// DefaultConfig is the small tenant of the demo.
func DefaultConfig() Config {
	return Config{
		Seed:                1,
		Domain:              "contoso.example",
		Users:               1000,
		Groups:              60,
		Memberships:         3000,
		DirectoryRoles:      len(roleTemplates),
		ServicePrincipals:   40,
		Applications:        25,
		Devices:             120,
		Contacts:            50,
		AdministrativeUnits: 8,
		PermissionGrants:    30,
	}
}

// World is a tenant: its base generation, which is computed, and an overlay of
// what happened since. It may be used by many goroutines; View reads it, Write
// changes it.
type World struct {
	config  Config
	ids     idCipher
	counts  [kindEnd]int
	schemas [kindEnd]*Schema
	sizes   []uint32 // memberships of each group
	seats   func() []int

	// mu guards overlay. version is set while it is held for writing.
	mu      sync.RWMutex
	overlay overlay
	version atomic.Uint64
}

// New makes the tenant. A size that cannot be is an error that names it.
func New(config Config) (*World, error) {
	ids, err := newIDCipher(config.Seed)
	if err != nil {
		return nil, err
	}
	w := &World{config: config, ids: ids, counts: [kindEnd]int{
		User:               config.Users,
		Group:              config.Groups,
		DirectoryRole:      config.DirectoryRoles,
		ServicePrincipal:   config.ServicePrincipals,
		Application:        config.Applications,
		Device:             config.Devices,
		OrgContact:         config.Contacts,
		AdministrativeUnit: config.AdministrativeUnits,
		PermissionGrant:    config.PermissionGrants,
		Organization:       1,
		Sku:                len(products),
	}}
	if err := w.checkSizes(); err != nil {
		return nil, err
	}
	if w.config.TenantID == "" {
		w.config.TenantID = string(w.appendNumbered(nil, spaceTenant, 0))
	}
	for k := User; k < kindEnd; k++ {
		w.schemas[k] = newSchema(k, config.Seed)
	}
	w.sizes = groupSizes(config)
	w.seats = sync.OnceValue(w.countSeats)
	return w, nil
}

func (w *World) checkSizes() error {
	if w.config.Domain == "" {
		return errors.New("the tenant needs a domain")
	}
	for _, k := range Kinds() {
		// Objects that are deleted or created have the indexes above.
		if n := w.counts[k]; n < 0 || n > math.MaxUint32/2 {
			return fmt.Errorf("the number of %s cannot be %d", k.Collection(), n)
		}
	}
	if w.config.Memberships < 0 {
		return fmt.Errorf("the number of memberships cannot be %d", w.config.Memberships)
	}
	if n := w.config.DirectoryRoles; n > len(roleTemplates) {
		return fmt.Errorf("there are only %d directory roles, not %d", len(roleTemplates), n)
	}
	apps := w.config.ServicePrincipals
	if limit := apps * apps / 2; w.config.PermissionGrants > limit {
		return fmt.Errorf("%d service principals allow for %d permission grants, not %d",
			apps, limit, w.config.PermissionGrants)
	}
	return nil
}

// TenantID is the directory's id.
func (w *World) TenantID() string { return w.config.TenantID }

// Domain is the verified domain of the users' names.
func (w *World) Domain() string { return w.config.Domain }

// Seed is the seed that the tenant grew from.
func (w *World) Seed() uint64 { return w.config.Seed }

// ClientID is the id of the application that programs sign in with.
func (w *World) ClientID() string { return string(w.appendNumbered(nil, spaceClient, 0)) }

// Version counts the changes since the tenant was made.
func (w *World) Version() uint64 { return w.version.Load() }

// Count is how many objects of a kind the tenant was made with.
func (w *World) Count(k Kind) int { return w.counts[k] }

// Memberships is how many members all groups had together when the tenant was
// made. It is less than what Config asks for when the groups cannot hold so many.
func (w *World) Memberships() int {
	sum := 0
	for _, n := range w.sizes {
		sum += int(n)
	}
	return sum
}

// Schema is the properties of a kind.
func (w *World) Schema(k Kind) *Schema { return w.schemas[k] }

// Schema is the properties of one kind, in the order in which they are told.
type Schema struct {
	Kind       Kind
	Properties []Property
	byName     map[string]int
	// mutable are the properties that Redraw takes, common those among them
	// that are told without $select.
	mutable, common []int
}

func newSchema(k Kind, seed uint64) *Schema {
	specs := propertiesOf(k)
	s := &Schema{Kind: k, Properties: specs, byName: make(map[string]int, len(specs))}
	for i := range specs {
		specs[i].salt = mix(seed, saltOf(specs[i].Name))
		specs[i].position = i
		specs[i].fresh = freshValues[k][specs[i].Name]
		s.byName[specs[i].Name] = i
		if p := &specs[i]; p.Place == Directory && !p.steady && p.Name != "deletedDateTime" {
			s.mutable = append(s.mutable, i)
			if p.Default {
				s.common = append(s.common, i)
			}
		}
	}
	return s
}

// Lookup finds a property by its name and returns its position.
func (s *Schema) Lookup(name string) (int, bool) {
	i, ok := s.byName[name]
	return i, ok
}
