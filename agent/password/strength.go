package password

import (
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// matchTimeout bounds the work of one regular expression on one password: those of .NET may take
// exponential time.
const matchTimeout = time.Second

// strength is a list of regular expressions that a password matches, every one. They are written
// for .NET, and often look ahead, which package regexp cannot.
type strength []*regexp2.Regexp

// between separates the expressions of a list.
var between = regexp.MustCompile(`'\s*,\s*'`)

// parseStrength reads a StrengthCheck: one expression, or a list of them in single quotes. The
// error is fault.Invalid.
func parseStrength(check string) (strength, error) {
	check = strings.TrimSpace(check)
	if check == "" {
		return nil, nil
	}
	expressions := []string{check}
	if len(check) >= 2 && check[0] == '\'' && check[len(check)-1] == '\'' {
		expressions = between.Split(check[1:len(check)-1], -1)
	}
	var all strength
	for _, expression := range expressions {
		compiled, err := regexp2.Compile(expression, regexp2.None)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "StrengthCheck is no regular expression: %w", err).WithSetting("StrengthCheck").
				WithHint(`Write one such as ^(?=.*[A-Z]).{12,}$, or a list such as '^.*[0-9].*$','^.*[a-z].*$'`)
		}
		compiled.MatchTimeout = matchTimeout
		all = append(all, compiled)
	}
	return all, nil
}

// met reports whether a password is strong enough. The error is fault.Invalid: an expression that
// takes too long.
func (s strength) met(password string) (bool, error) {
	for _, expression := range s {
		ok, err := expression.MatchString(password)
		if err != nil { // it quotes the password
			return false, fault.Errorf(fault.Invalid, "StrengthCheck takes more than %v for one password: %s", matchTimeout, expression).
				WithSetting("StrengthCheck").WithHint("Simplify the regular expression; nested repetitions such as (a+)+ take long")
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}
