package job

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/decode"
	"github.com/usher-iga/usher/agent/mail"
	"github.com/usher-iga/usher/agent/password"
	"github.com/usher-iga/usher/agent/password/notice"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// passwordKeeper makes and keeps the passwords of orders. It is nil if the settings name no
// certificate to encrypt them for.
func (r *Runner) passwordKeeper(c *settings.Connection) (*password.Keeper, error) {
	identity, found, err := r.Settings.OrderCertificate()
	if err != nil || !found {
		return nil, err
	}
	o := password.Options{Identity: identity, AllowedSymbolChars: r.Settings.Passwords.AllowedSymbolChars}
	for _, set := range passwordSets(r.Settings.Passwords.Sets, c.Fulfillment.PasswordSets) {
		alone := o
		alone.Settings = []password.Settings{passwordSettings(set)}
		if _, err := password.New(alone); err != nil { // here its place is known
			return nil, at(set.Origin, err)
		}
		o.Settings = append(o.Settings, alone.Settings...)
	}
	if o.Post, err = r.post(); err != nil {
		return nil, err
	}
	return password.New(o)
}

// passwordSets are the sets of the agent's settings, which win, and those of a connection's mapping
// files.
func passwordSets(own, mapped []settings.PasswordSet) []settings.PasswordSet {
	all := append([]settings.PasswordSet{}, own...)
	for _, set := range mapped {
		known := false
		for _, o := range own {
			known = known || strings.EqualFold(o.Identifier, set.Identifier)
		}
		if !known {
			all = append(all, set)
		}
	}
	return all
}

func passwordSettings(s settings.PasswordSet) password.Settings {
	return password.Settings{
		Identifier: s.Identifier, AutoGenerate: s.AutoGenerate, DefaultPassword: s.DefaultPassword,
		GeneratedLength: s.GeneratedLength, GeneratedLowerCaseCharsCount: s.GeneratedLowerCaseCharsCount,
		GeneratedUpperCaseCharsCount: s.GeneratedUpperCaseCharsCount, GeneratedDigitCharsCount: s.GeneratedDigitCharsCount,
		GeneratedSymbolCharsCount: s.GeneratedSymbolCharsCount, StrengthCheck: s.StrengthCheck,
		MustChange: s.MustChange, Mode: password.Mode(s.Mode), DisableNotifications: s.DisableNotifications, NotificationCC: s.NotificationCC,
		NotifiedEmailBinding: s.NotifiedEmailBinding, NotifiedFullNameBinding: s.NotifiedFullNameBinding,
		BeneficiaryEmailBinding: s.BeneficiaryEmailBinding, BeneficiaryFullNameBinding: s.BeneficiaryFullNameBinding,
	}
}

// post sends passwords by mail; nil if the settings have no MailSettings.
func (r *Runner) post() (password.Post, error) {
	m := r.Settings.Passwords.Mail
	if !m.Given {
		return nil, nil
	}
	roots, err := r.Settings.Roots()
	if err != nil {
		return nil, err
	}
	sender, err := mail.New(mailSettings(m), mail.Options{TrustedCertificates: roots, Clock: r.Clock})
	if err != nil {
		return nil, at(m.Locate(fault.Of(err).Setting), err)
	}
	var languages []string
	for _, culture := range r.Settings.Passwords.Cultures {
		languages = append(languages, culture.Text)
	}
	notices, err := notice.New(sender, languages)
	if err != nil {
		return nil, err
	}
	return notices, nil
}

func mailSettings(m settings.Mail) mail.Settings {
	return mail.Settings{
		Enabled: m.Enabled, FromAddress: m.FromAddress, Host: m.Host, Port: m.Port,
		SecureSocketOption: mail.Security(m.SecureSocketOption), EnableSsl: m.EnableSsl,
		Username: m.Username, Password: m.Password, UseDefaultCredentials: m.UseDefaultCredentials,
		UseSpecifiedPickupDirectory: m.UseSpecifiedPickupDirectory, PickupDirectory: m.PickupDirectory,
		AllowedDomains: m.AllowedDomains, CatchAllAddress: m.CatchAllAddress, CatchAllCCAddress: m.CatchAllCCAddress,
	}
}

// at puts the place of a setting before the message of a fault.
func at(place settings.Origin, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	located := *f
	located.Message = fmt.Sprintf("%s: %s", place, f.Message)
	return &located
}

// decoder reads both formats of files. The reference product's rests on the mappings in the files of
// the connection.
func (f *fulfillment) decoder() (fulfill.Decoder, error) {
	var mappings decode.Mappings
	var problems []error
	for _, file := range f.connection.Fulfillment.MappingFiles {
		found, err := parseMappings(file.Text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		mappings.ResourceTypes = append(mappings.ResourceTypes, found.ResourceTypes...)
		mappings.EntityTypes = append(mappings.EntityTypes, found.EntityTypes...)
	}
	var passwords decode.Passwords
	if f.keeper != nil {
		passwords = f.keeper
	}
	return decode.Either(mappings, passwords), errors.Join(problems...)
}

func parseMappings(path string) (decode.Mappings, error) {
	file, err := os.Open(path)
	if err != nil {
		return decode.Mappings{}, durable.Fault(err, "read", path)
	}
	defer file.Close()
	return decode.ParseMappings(path, file)
}

// notDelivered warns of passwords that nobody has got yet.
func notDelivered(report fulfill.Report) []sdk.Warning {
	if report.Owed == 0 {
		return nil
	}
	passwords, them := fmt.Sprint(report.Owed, " passwords"), "They are kept encrypted, and sent by the next run"
	if report.Owed == 1 {
		passwords, them = "1 password", "It is kept encrypted, and sent by the next run"
	}
	w := sdk.Warning{Message: fmt.Sprintf("%s could not be sent: %v", passwords, report.OwedError), Hint: them}
	if f := fault.Of(report.OwedError); f != nil && f.Hint != "" {
		w.Hint = f.Hint + ". " + w.Hint
	}
	return []sdk.Warning{w}
}
