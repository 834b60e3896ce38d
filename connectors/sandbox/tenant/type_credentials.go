package tenant

import (
	"fmt"
	"slices"
	"strings"
)

// Types lists what a tenant can be: of a workforce, of Azure AD B2C, or an
// external tenant of customers.
func Types() []string { return []string{"AAD", "AAD B2C", "CIAM"} }

// SetType sets what the organization says that the tenant is. It is called
// before the tenant is read.
func (w *World) SetType(name string) error {
	if !slices.Contains(Types(), name) {
		return fmt.Errorf("there is no tenant type %q; there are %s", name, strings.Join(Types(), ", "))
	}
	schema := w.Schema(Organization)
	if i, ok := schema.Lookup("tenantType"); ok {
		schema.Properties[i].value = fixed(`"` + name + `"`)
	}
	return nil
}
