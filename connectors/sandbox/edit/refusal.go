package edit

import (
	"fmt"
	"net/http"
)

// Refusal is an error as Graph tells it.
type Refusal struct {
	Status  int
	Code    string
	Message string
	Details []Detail
}

// Detail is an entry of an error's details.
type Detail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Bad is a 400 Request_BadRequest, the directory's usual refusal.
func Bad(format string, arguments ...any) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Code: "Request_BadRequest", Message: fmt.Sprintf(format, arguments...)}
}

// unread is a 400 BadRequest, which comes before the directory is asked.
func unread(format string, arguments ...any) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Code: "BadRequest", Message: fmt.Sprintf(format, arguments...)}
}

// NotFound is the answer for an object, or a reference, that is not there.
func NotFound(id string) *Refusal {
	return &Refusal{Status: http.StatusNotFound, Code: "Request_ResourceNotFound", Message: fmt.Sprintf(
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", id)}
}

// Forbidden is the answer for a caller that may not do this.
func Forbidden() *Refusal {
	return &Refusal{Status: http.StatusForbidden, Code: "Authorization_RequestDenied",
		Message: "Insufficient privileges to complete the operation."}
}

// notReplicated is the documented answer for a group that was made a moment ago
// (Add members).
func notReplicated() *Refusal {
	return Bad("The source resource object or one of the objects being referenced don't exist.")
}

// conflict is the answer for a value that another object has.
func conflict(property string) *Refusal {
	message := fmt.Sprintf("Another object with the same value for property %s already exists.", property)
	refusal := Bad("%s", message)
	refusal.Details = []Detail{{Code: "ObjectConflict", Message: message, Target: property}}
	return refusal
}

// conflicting is the conflict that does not say which property it is.
func conflicting() *Refusal {
	return Bad("A conflicting object with one or more of the specified property values is present in the directory.")
}

func synced() *Refusal {
	return Bad("Unable to update the specified properties for on-premises mastered Directory Sync objects or objects " +
		"currently undergoing migration.")
}

func invalidValue(property, resource string) *Refusal {
	return Bad("Invalid value specified for property '%s' of resource '%s'.", property, resource)
}
