// Package check has the parts of a check that every connector to Entra ID shares: the
// way to the hosts, the clock, the sign-in, when credentials end, the tenant and the
// permissions. What is wrong is a finding; a part's error means that it could not be
// examined, which is that of the context or a bug.
package check

import (
	"fmt"
	"time"

	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The subjects of the findings.
const (
	Settings         = "settings"
	certificate      = "certificate"
	clientSecret     = "client secret"
	otherCredentials = "other credentials"
	registration     = "registration"
	clockSubject     = "clock"
	signIn           = "sign-in"
	tenant           = "tenant"
)

// Failure makes a failed finding of a fault.
func Failure(subject string, f *fault.Error) sdk.Finding {
	return sdk.Finding{State: sdk.Failed, Subject: subject, Message: f.Error(), Hint: f.Hint, Setting: f.Setting}
}

// Finding makes a finding of an error that tells an admin something, and passes on
// any other.
func Finding(subject string, state sdk.FindingState, err error) (sdk.Finding, error) {
	f := fault.Of(err)
	if f == nil {
		return sdk.Finding{}, err
	}
	found := Failure(subject, f)
	found.State = state
	return found, nil
}

func ok(subject, format string, args ...any) sdk.Finding {
	return sdk.Finding{State: sdk.OK, Subject: subject, Message: fmt.Sprintf(format, args...)}
}

// ahead is how long before its end a credential is warned about.
const ahead = 30 * 24 * time.Hour

// ending tells when something ends, as of now; hint is what to do about it.
func ending(subject, what string, ends, now time.Time, hint string) sdk.Finding {
	day := ends.UTC().Format(time.DateOnly)
	found := ok(subject, "%s ends on %s", what, day)
	found.Ends = ends
	switch left := ends.Sub(now); {
	case left <= 0:
		found.State, found.Message, found.Hint = sdk.Failed, fmt.Sprintf("%s has ended on %s", what, day), hint
	case left <= ahead:
		found.State, found.Hint = sdk.Warned, hint
		found.Message += ", " + within(int(left/(24*time.Hour)))
	}
	return found
}

// within says in how many days something will be.
func within(days int) string {
	switch days {
	case 0:
		return "within a day"
	case 1:
		return "in 1 day"
	}
	return fmt.Sprintf("in %d days", days)
}
