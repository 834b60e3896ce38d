package edit

import "github.com/usher-iga/usher/connectors/sandbox/tenant"

// unitRules are the properties of administrative units that requests can set
// (Create administrativeUnit, Update administrativeUnit).
var unitRules = map[string]rule{
	"description":                   {most: 1024},
	"displayName":                   {most: 256, required: true, kept: true},
	"isMemberManagementRestricted":  {form: boolean, made: true},
	"membershipRule":                {most: 3072},
	"membershipRuleProcessingState": {oneOf: []string{"On", "Paused"}},
	"membershipType":                {oneOf: []string{"Assigned", "Dynamic"}},
	"visibility":                    {oneOf: []string{"Public", "HiddenMembership"}},
}

// deviceRules are the properties of devices that an application can set which
// manages no devices (Update device).
var deviceRules = map[string]rule{
	"accountEnabled":         {form: boolean, kept: true},
	"displayName":            {most: 256},
	"operatingSystem":        {most: 256},
	"operatingSystemVersion": {most: 256},
}

// CreateUnit is POST /directory/administrativeUnits.
func (e *Edit) CreateUnit(body Body) (tenant.Ref, error) {
	values, err := e.check(tenant.AdministrativeUnit, unitRules, body, true)
	if err != nil {
		return tenant.Ref{}, err
	}
	return e.make(tenant.AdministrativeUnit, values)
}

// UpdateUnit is PATCH /directory/administrativeUnits/{id}.
func (e *Edit) UpdateUnit(unit tenant.Ref, body Body) error { return e.update(unit, unitRules, body) }

// UpdateDevice is PATCH /devices/{id}.
func (e *Edit) UpdateDevice(device tenant.Ref, body Body) error {
	return e.update(device, deviceRules, body)
}

// update changes properties of which none depends on another.
func (e *Edit) update(r tenant.Ref, rules map[string]rule, body Body) error {
	values, err := e.check(r.Kind, rules, body, false)
	if err != nil {
		return err
	}
	for name, value := range values {
		if rules[name].made && !same(value, e.Value(r, name)) {
			return Bad("Property '%s' is read-only and cannot be set.", name)
		}
	}
	return e.set(r, values)
}
