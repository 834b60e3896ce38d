package settings

import (
	"math"
	"strconv"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
)

const (
	passwordSection   = "PasswordResetSettings"
	generationSection = "PasswordGenerationSetting"
)

// Passwords is the root section PasswordResetSettings, with the names of the reference product: how
// passwords are made and how people get them. What the values have to be beyond their types is for
// those who use them.
type Passwords struct {
	Sets               []PasswordSet
	Mail               Mail
	Cultures           []tree.Item // NotificationSettings.Cultures, the languages of mails; none by default
	AllowedSymbolChars string      // of the root section PasswordGenerationSetting; "" by default
}

// PasswordSet is one set of settings by which passwords are made. The fields are named like the keys.
type PasswordSet struct {
	Identifier string // as written

	AutoGenerate                 bool
	DefaultPassword              secret.String
	GeneratedLength              int
	GeneratedLowerCaseCharsCount int
	GeneratedUpperCaseCharsCount int
	GeneratedDigitCharsCount     int
	GeneratedSymbolCharsCount    int
	StrengthCheck                string

	MustChange                 bool
	Mode                       int
	DisableNotifications       bool
	NotificationCC             string
	NotifiedEmailBinding       string
	NotifiedFullNameBinding    string
	BeneficiaryEmailBinding    string
	BeneficiaryFullNameBinding string

	Origin Origin
}

// Mail is the section MailSettings. The fields are named like the keys.
type Mail struct {
	Given bool // the section is there, and not empty

	Enabled                     bool // true by default
	FromAddress                 string
	Host                        string
	Port                        int
	SecureSocketOption          string
	EnableSsl                   bool
	Username                    string
	Password                    secret.String
	UseDefaultCredentials       bool
	UseSpecifiedPickupDirectory bool
	PickupDirectory             string // absolute; empty if it is not set
	AllowedDomains              string
	CatchAllAddress             string
	CatchAllCCAddress           string

	section tree.Section
}

// Locate returns where a key of the section was set; the place of the section if it was not.
func (m Mail) Locate(key string) Origin {
	if n := m.section.Node.Find(key); n != nil && n.Origin.Layer != tree.LayerDefault {
		return n.Origin
	}
	return m.section.Node.Origin
}

// passwords reads the root sections about passwords. Of those that are absent no defaults are shown:
// many installations send no passwords.
func passwords(root tree.Section) (p Passwords) {
	if root.Node.Find(generationSection) != nil {
		p.AllowedSymbolChars = given(root.Child(generationSection), "AllowedSymbolChars")
	}
	if root.Node.Find(passwordSection) == nil {
		return p
	}
	s := root.Child(passwordSection)
	s.Unknown(passwordKeys)
	if n := s.Node.Find("MailSettings"); n != nil && len(n.Members) > 0 {
		p.Mail = mail(s.Child("MailSettings"))
	}
	if s.Node.Find("NotificationSettings") != nil {
		notifications := s.Child("NotificationSettings")
		notifications.Unknown(notificationKeys)
		p.Cultures = notifications.List("Cultures")
	}
	if s.Node.Find("Sets") == nil {
		return p
	}
	sets := s.Child("Sets")
	for _, member := range sets.Node.Members {
		if member.Shape != tree.Null {
			p.Sets = append(p.Sets, passwordSet(sets.Child(member.Name), member.Name))
		}
	}
	return p
}

// passwordSet reads one set.
func passwordSet(s tree.Section, identifier string) PasswordSet {
	s.Unknown(passwordSetKeys)
	return PasswordSet{
		Identifier:                   identifier,
		AutoGenerate:                 s.Truth("AutoGenerate"),
		DefaultPassword:              s.Secret("DefaultPassword"),
		GeneratedLength:              number(s, "GeneratedLength", "12"),
		GeneratedLowerCaseCharsCount: number(s, "GeneratedLowerCaseCharsCount", "6"),
		GeneratedUpperCaseCharsCount: number(s, "GeneratedUpperCaseCharsCount", "2"),
		GeneratedDigitCharsCount:     number(s, "GeneratedDigitCharsCount", "2"),
		GeneratedSymbolCharsCount:    number(s, "GeneratedSymbolCharsCount", "2"),
		StrengthCheck:                given(s, "StrengthCheck"),
		MustChange:                   s.Truth("MustChange"),
		Mode:                         number(s, "Mode", "0"),
		DisableNotifications:         s.Truth("DisableNotifications"),
		NotificationCC:               given(s, "NotificationCC"),
		NotifiedEmailBinding:         given(s, "NotifiedEmailBinding"),
		NotifiedFullNameBinding:      given(s, "NotifiedFullNameBinding"),
		BeneficiaryEmailBinding:      given(s, "BeneficiaryEmailBinding"),
		BeneficiaryFullNameBinding:   given(s, "BeneficiaryFullNameBinding"),
		Origin:                       s.Node.Origin,
	}
}

// mail reads the section MailSettings.
func mail(s tree.Section) Mail {
	s.Unknown(mailKeys)
	m := Mail{
		Given:                       true,
		FromAddress:                 given(s, "FromAddress"),
		Host:                        given(s, "Host"),
		Port:                        number(s, "Port", "0"),
		SecureSocketOption:          given(s, "SecureSocketOption"),
		EnableSsl:                   s.Truth("EnableSsl"),
		Username:                    given(s, "Username"),
		Password:                    s.Secret("Password"),
		UseDefaultCredentials:       s.Truth("UseDefaultCredentials"),
		UseSpecifiedPickupDirectory: s.Truth("UseSpecifiedPickupDirectory"),
		PickupDirectory:             given(s, "PickupDirectory"),
		AllowedDomains:              given(s, "AllowedDomains"),
		CatchAllAddress:             given(s, "CatchAllAddress"),
		CatchAllCCAddress:           given(s, "CatchAllCCAddress"),
		section:                     s,
	}
	m.Enabled = tree.Choose(s, "Enabled", "true", "true or false", tree.ParseBool)
	if m.PickupDirectory != "" {
		m.PickupDirectory = tree.Absolute(s.Dir, m.PickupDirectory)
	}
	return m
}

// given is the text of a key that has no default.
func given(s tree.Section, key string) string {
	text, _ := s.Given(key)
	return text
}

// number reads a whole number that is not negative.
func number(s tree.Section, key, byDefault string) int {
	return tree.Choose(s, key, byDefault, "a whole number", func(text string) (int, bool) {
		n, err := strconv.Atoi(text)
		return n, err == nil && n >= 0 && n <= math.MaxInt32
	})
}

// OrderCertificate gets the certificate that passwords in orders are encrypted for, with its private
// key: that of the root section EncryptionCertificate, or else that of the section of the same name
// in PasswordResetSettings. found is false, without an error, if the settings name neither. Errors and
// the rest are as of [Settings.EncryptionCertificate].
func (s *Settings) OrderCertificate() (identity certificate.Identity, found bool, err error) {
	for _, e := range []*layer.Encryption{s.encryption, s.passwordEncryption} {
		if e != nil && e.IsNamed() {
			identity, err = e.Identity()
			return identity, err == nil, err
		}
	}
	return certificate.Identity{}, false, nil
}
