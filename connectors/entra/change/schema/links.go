package schema

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/directory"
	"github.com/usher-iga/usher/connectors/sdk"
)

// Assignment is the key attribute of an app role assignment that is to be removed.
const Assignment = "assignmentId"

// SKUName is the key attribute of a licence, beside its skuId as ID.
const SKUName = "skuPartNumber"

func (x *examination) links() {
	if len(x.Order.Links) > 0 && x.Operation != sdk.Create && x.Operation != sdk.Update && x.Operation != sdk.Invite {
		x.refuse(x.Order.Links[0].Navigation, fmt.Sprintf("the operation %s takes no links", x.Operation), "Give them in an order to update")
		return
	}
	seen := map[string]bool{}
	for _, change := range x.Order.Links {
		n, ok := x.Entity.Navigation(change.Navigation)
		if !ok {
			var known []string
			for _, n := range x.Entity.Links {
				known = append(known, n.Name)
			}
			x.refuse(change.Navigation, fmt.Sprintf("the links %q of %s cannot be changed", change.Navigation, x.Entity.Name),
				directory.Nearest(change.Navigation, known, "Those that can are "+orElse(strings.Join(known, ", "), "none")))
			continue
		}
		if n.Kind == Single && len(change.Add) > 1 {
			x.refuse(n.Name, "there can be one only", "Give one target")
		}
		if len(change.Details) > len(change.Add) {
			x.refuse(n.Name, "there are more details than added targets", "Give one for each added target, in the same sequence")
		}
		l := Links{Navigation: n, LinkChange: change}
		for i, key := range change.Add {
			x.target(n, key, false)
			x.once(seen, n, key, l.Detail(i))
		}
		for _, key := range change.Remove {
			x.target(n, key, true)
			x.once(seen, n, key, nil)
		}
		x.Links = append(x.Links, l)
	}
}

// once refuses a target that is there twice: Graph takes each once, and what is both added and
// removed has no meaning. Of an application there may be several roles.
func (x *examination) once(seen map[string]bool, n Navigation, key sdk.ObjectKey, detail json.RawMessage) {
	name := strings.ToLower(strings.Join([]string{n.Name, key.ID, key.Attribute, key.Value}, "\x00"))
	if n.Kind == AppRoles {
		name += "\x00" + string(detail)
	}
	if seen[name] {
		x.refuse(n.Name, fmt.Sprintf("the target %q is there twice", key.ID+key.Value), "Give each target once, to be added or to be removed")
	}
	seen[name] = true
}

func (x *examination) target(n Navigation, key sdk.ObjectKey, removal bool) {
	switch {
	case n.Kind == Single && removal && key == (sdk.ObjectKey{}): // whoever it is
	case key == (sdk.ObjectKey{}):
		x.refuse(n.Name, "a target is empty", "Give its object id")
	case n.Kind == Licences:
		if key.ID == "" && (key.Attribute != SKUName || key.Value == "") || key.ID != "" && !IsGUID(key.ID) {
			x.refuse(n.Name, "a licence is named neither by its skuId nor by its "+SKUName, "Give the skuId as a GUID")
		}
	case n.Kind == AppRoles && removal && key.Attribute == Assignment && key.Value != "":
	default:
		e, _ := Find(n.TargetEntity(key)) // the tables name no other
		x.keyOf(n.Name, e, key)
	}
}

// TargetEntity is the entity that a natural key is of: some attributes tell it.
func (n Navigation) TargetEntity(key sdk.ObjectKey) string {
	switch key.Attribute {
	case "userPrincipalName", "employeeId":
		return "user"
	case "uniqueName":
		return "group"
	case "appId":
		return "servicePrincipal"
	case "deviceId":
		return "device"
	}
	return n.Target
}
