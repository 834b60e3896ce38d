package cyberark

import (
	"strings"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// A refusal is an error of CyberArk, which has a code such as APPAP004E. Source: CyberArk, Credential
// Providers, "Messages", and "Central Credential Provider error codes".
type refusal struct {
	object, safe, appID string
	from                string // who answered
	code, text          string
}

// fault tells it in plain words.
func (r refusal) fault() error {
	if r.code == "APPAP282E" { // also said in place of PasswordChangeInProcess
		return errChanging
	}
	f := r.explain()
	f.SystemCode = r.code
	return f
}

func (r refusal) explain() *fault.Error {
	switch r.code {
	case "APPAP004E":
		return fault.Errorf(fault.NotFound, "CyberArk has no account %s in the safe %s that the application %s may read", r.object, r.safe, r.appID).
			WithHint("Give the name of the object, not that of the user; see that the application and the provider are members of the safe and may retrieve accounts")
	case "APPAP227E", "APPAP228E", "APPAP229E":
		return fault.Errorf(fault.Invalid, "CyberArk has more than one account %s in the safe %s", r.object, r.safe).
			WithHint("Rename one of them, or delete the one that is not used")
	case "APPAP306E", "APPAP133E":
		return fault.Errorf(fault.Unauthorized, "CyberArk does not accept this caller as the application %s: %s", r.appID, r.reason()).
			WithSetting(appSetting).WithHint("See under Applications in CyberArk what it is known by (certificate, address of the machine, operating system user, path), and correct that or the client certificate in the settings")
	case "APPAP008E":
		return fault.Errorf(fault.Forbidden, "the vault of CyberArk refuses the application %s or the provider: %s", r.appID, r.reason()).
			WithSetting(appSetting).WithHint("See that the application exists in CyberArk and that neither it nor the user of the provider is suspended")
	case "APPAP007E":
		return fault.Errorf(fault.Unavailable, "%s does not reach its vault: %s", r.from, r.reason()).
			WithHint("Try again in some minutes; see the vault's address and the firewall on the machine of the provider")
	case "AIMWS030E", "AIMWS031E":
		return fault.Errorf(fault.Invalid, "CyberArk cannot read the query for the account %s of the application %s: %s", r.object, r.appID, r.reason()).
			WithHint("Check ApplicationId, SafeName and the name of the object for unusual characters")
	}
	return fault.Errorf(fault.Refused, "CyberArk does not give the account %s: %s", r.object, r.reason()).
		WithHint("Look the code up in CyberArk's documentation of the Credential Providers")
}

// reason is CyberArk's own text, from where it says why.
func (r refusal) reason() string {
	text := r.text
	if _, why, ok := strings.Cut(text, "Reason: "); ok {
		text = why
	}
	text = strings.TrimRight(strings.Join(strings.Fields(text), " "), ".")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "..."
	}
	if text == "" {
		return "it gives no reason"
	}
	return text
}
