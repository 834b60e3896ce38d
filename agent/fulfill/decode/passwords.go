package decode

import (
	"strconv"
	"strings"

	"github.com/usher-iga/usher/agent/fulfill/order"
)

// Passwords knows how passwords are made and keeps them from being seen.
type Passwords interface {
	// Setting returns the password settings of a name, or the default ones for "". The second result
	// is false if there are none.
	Setting(name string) (Setting, bool)

	// Seal encrypts what the order of an id says about its password.
	Seal(id string, w Wish) ([]byte, error)
}

// Setting is what a decoder needs to know of a set of password settings. A binding says where in an
// order a value stands, such as "AssignedResourceType:Owner.Directory_User:MainRecord.Mail" or
// "mail"; empty: nowhere.
type Setting struct {
	MustChange bool // at the next sign-in

	NotifiedEmailBinding       string // who gets the password
	NotifiedFullNameBinding    string
	BeneficiaryEmailBinding    string // whose password it is
	BeneficiaryFullNameBinding string
}

// Wish is what an order says about a password. All of it may be empty.
type Wish struct {
	Value string `json:"value,omitempty"` // the password, if the order gives it

	NotifiedEmail       string `json:"notifiedEmail,omitempty"`
	NotifiedFullName    string `json:"notifiedFullName,omitempty"`
	BeneficiaryEmail    string `json:"beneficiaryEmail,omitempty"`
	BeneficiaryFullName string `json:"beneficiaryFullName,omitempty"`
}

// The paths of what Graph knows of a password.
// Source: https://learn.microsoft.com/graph/api/resources/passwordprofile.
const (
	profile      = "passwordProfile"
	passwordPath = profile + "/password"
	mustChange   = profile + "/forceChangePasswordNextSignIn"
)

// isPassword reports whether an attribute of that name holds a password.
func isPassword(name string) bool {
	switch strings.ToLower(name) {
	case "password", strings.ToLower(profile), strings.ToLower(passwordPath):
		return true
	default:
		return false
	}
}

// secret makes an order ask for a password. find returns what stands where a binding says, or "".
func (d *document) secret(p place, o *order.Order, setting string, w Wish, find func(binding string) string) error {
	if d.passwords == nil {
		d.problem(p, "password", "Set up EncryptionCertificate", "orders with passwords cannot be taken: nothing says how to encrypt them")
		return nil
	}
	s, ok := d.passwords.Setting(setting)
	switch {
	case ok:
	case setting != "":
		d.problem(p, "password", "Correct the name, or add the set to PasswordResetSettings", "there are no password settings named %s", quoted(setting))
		return nil
	case w.Value == "":
		d.problem(p, "password", "Add a set of PasswordResetSettings, or give the password", "nothing says how to make the password")
		return nil
	}
	for _, bound := range []struct {
		to      *string
		binding string
	}{
		{&w.NotifiedEmail, s.NotifiedEmailBinding}, {&w.NotifiedFullName, s.NotifiedFullNameBinding},
		{&w.BeneficiaryEmail, s.BeneficiaryEmailBinding}, {&w.BeneficiaryFullName, s.BeneficiaryFullNameBinding},
	} {
		if *bound.to == "" && bound.binding != "" {
			*bound.to = find(bound.binding)
		}
	}
	asked := order.Secret{Path: passwordPath, Setting: setting}
	if w != (Wish{}) {
		sealed, err := d.passwords.Seal(o.ID, w)
		if err != nil {
			return err
		}
		asked.Sealed = sealed
	}
	o.Secrets = append(o.Secrets, asked)
	if ok && !has(o, mustChange) {
		// Also false: for a new user Graph's own default is true.
		o.Attributes = append(o.Attributes, order.Attribute{Path: mustChange, Value: strconv.AppendBool(nil, s.MustChange)})
	}
	return nil
}

func has(o *order.Order, path string) bool {
	for _, a := range o.Attributes {
		if strings.EqualFold(a.Path, path) {
			return true
		}
	}
	return false
}

// segments are the steps of a binding, without the entity types that some of them name.
func segments(binding string) []string {
	steps := strings.Split(binding, ".")
	for i, step := range steps {
		if _, name, ok := strings.Cut(step, ":"); ok {
			steps[i] = name
		}
	}
	return steps
}
