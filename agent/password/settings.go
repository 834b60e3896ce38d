package password

import (
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// Mode says whether a password is sent to somebody.
type Mode int

// The modes, with the numbers of the reference product.
const (
	Disabled Mode = 0 // nobody gets the password, except whom an order names
	OneWay   Mode = 1 // it is sent by mail
	TwoWay   Mode = 2 // by a link to the reference product's own pages: Usher has none
)

// DefaultSymbols are the symbols that generated passwords have.
const DefaultSymbols = "!;.,?()[]-_&%$+{}@"

// longest is how many characters a password may have. Entra takes 256:
// https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy.
const longest = 256

// Settings is one set of PasswordResetSettings. The names and defaults are the reference product's;
// start from [Defaults].
type Settings struct {
	Identifier string

	AutoGenerate    bool
	DefaultPassword secret.String // what is set unless AutoGenerate

	// Of a generated password: how long it is at least, and how many characters of each class it has at
	// least. What is left is of any class.
	GeneratedLength              int
	GeneratedLowerCaseCharsCount int
	GeneratedUpperCaseCharsCount int
	GeneratedDigitCharsCount     int
	GeneratedSymbolCharsCount    int
	// StrengthCheck is a regular expression of .NET that generated passwords match, or a list of
	// them in single quotes: '^.*[0-9].*$','^.*[a-z].*$'.
	StrengthCheck string

	MustChange bool // at the next sign-in

	Mode                 Mode
	DisableNotifications bool
	NotificationCC       string // gets a copy of each mail
	// Where in an order the address and the name stand of who gets the password, and of whose password
	// it is. Without NotifiedEmailBinding the beneficiary gets it.
	NotifiedEmailBinding       string
	NotifiedFullNameBinding    string
	BeneficiaryEmailBinding    string
	BeneficiaryFullNameBinding string
}

// Defaults are the settings of a set that sets none.
func Defaults() Settings {
	return Settings{
		GeneratedLength: 12, GeneratedLowerCaseCharsCount: 6, GeneratedUpperCaseCharsCount: 2,
		GeneratedDigitCharsCount: 2, GeneratedSymbolCharsCount: 2,
	}
}

// Check tells what is wrong with the set; nil if nothing is. The error is fault.Invalid with the
// Setting in whose key the fault is.
func (s *Settings) Check() error {
	wrong := func(key, hint, format string, args ...any) error {
		return fault.Errorf(fault.Invalid, "the password settings %q: "+format, append([]any{s.Identifier}, args...)...).WithSetting(key).WithHint("%s", hint)
	}
	switch {
	case strings.TrimSpace(s.Identifier) == "":
		return fault.Errorf(fault.Invalid, "a set of password settings has no Identifier").WithSetting("Identifier").WithHint(`Give it a name, such as "default"`)
	case s.Mode == TwoWay:
		return wrong("Mode", "Use 1, which sends the password itself, or 0", "Mode 2 sends a link to pages that Usher does not have")
	case s.Mode != Disabled && s.Mode != OneWay:
		return wrong("Mode", "Use 0 or 1", "the Mode %d is not known", int(s.Mode))
	case !s.AutoGenerate && s.DefaultPassword.IsEmpty():
		return wrong("AutoGenerate", "Set AutoGenerate to true, or give a DefaultPassword", "nothing says what the password is")
	}
	for _, n := range []struct {
		key   string
		count int
	}{
		{"GeneratedLength", s.GeneratedLength}, {"GeneratedLowerCaseCharsCount", s.GeneratedLowerCaseCharsCount},
		{"GeneratedUpperCaseCharsCount", s.GeneratedUpperCaseCharsCount}, {"GeneratedDigitCharsCount", s.GeneratedDigitCharsCount},
		{"GeneratedSymbolCharsCount", s.GeneratedSymbolCharsCount},
	} {
		if n.count < 0 || n.count > longest {
			return wrong(n.key, "Give a number from 0 to 256", "%s is %d", n.key, n.count)
		}
	}
	if s.AutoGenerate && (s.length() == 0 || s.length() > longest) {
		return wrong("GeneratedLength", "A password has 1 to 256 characters", "generated passwords would have %d characters", s.length())
	}
	return nil
}

// length of a generated password.
func (s *Settings) length() int {
	return max(s.GeneratedLength, s.GeneratedLowerCaseCharsCount+s.GeneratedUpperCaseCharsCount+s.GeneratedDigitCharsCount+s.GeneratedSymbolCharsCount)
}
