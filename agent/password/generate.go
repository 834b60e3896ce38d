package password

import (
	"io"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The classes of characters, beside the symbols, which are set up.
const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

// maxTries is how many passwords are generated for one that StrengthCheck takes.
const maxTries = 1000

// generator makes passwords by one set of settings. It may be used by several goroutines if
// random may.
type generator struct {
	settings Settings
	symbols  string
	strength strength
	random   io.Reader
}

// newGenerator checks that the settings can be met at all. The error is fault.Invalid.
func newGenerator(s Settings, symbols string, random io.Reader) (*generator, error) {
	check, err := parseStrength(s.StrengthCheck)
	if err != nil {
		return nil, err
	}
	if s.GeneratedSymbolCharsCount > 0 && symbols == "" {
		return nil, fault.Errorf(fault.Invalid, "GeneratedSymbolCharsCount is %d, and AllowedSymbolChars has no symbols", s.GeneratedSymbolCharsCount).
			WithSetting("GeneratedSymbolCharsCount").WithHint("Set it to 0, or allow symbols")
	}
	g := &generator{settings: s, symbols: symbols, strength: check, random: random}
	_, err = g.generate()
	return g, err
}

// generate makes a password. Errors are fault.Invalid if StrengthCheck takes none of many, and
// those of the source of random bytes.
func (g *generator) generate() (string, error) {
	for range maxTries {
		password, err := g.once()
		if err != nil {
			return "", fault.Errorf(fault.Internal, "no password can be generated: %w", err)
		}
		if ok, err := g.strength.met(password); ok || err != nil {
			return password, err
		}
	}
	return "", fault.Errorf(fault.Invalid, "none of %d generated passwords is strong enough for StrengthCheck", maxTries).
		WithSetting("StrengthCheck").WithHint("Raise GeneratedLength and the counts of characters to what StrengthCheck asks for, or correct it")
}

// once makes a password that has enough characters of each class.
func (g *generator) once() (string, error) {
	s := g.settings
	var password []rune
	add := func(from string, count int) error {
		alphabet := []rune(from)
		for range count {
			n, err := below(g.random, len(alphabet))
			if err != nil {
				return err
			}
			password = append(password, alphabet[n])
		}
		return nil
	}
	all := lower + upper + digits + g.symbols
	if s.GeneratedLowerCaseCharsCount+s.GeneratedUpperCaseCharsCount+s.GeneratedDigitCharsCount+s.GeneratedSymbolCharsCount == 0 {
		all = lower // as the reference product does
	}
	for _, class := range []struct {
		from  string
		count int
	}{
		{lower, s.GeneratedLowerCaseCharsCount}, {upper, s.GeneratedUpperCaseCharsCount},
		{digits, s.GeneratedDigitCharsCount}, {g.symbols, s.GeneratedSymbolCharsCount},
	} {
		if err := add(class.from, class.count); err != nil {
			return "", err
		}
	}
	if err := add(all, s.length()-len(password)); err != nil {
		return "", err
	}
	// Shuffled, so that the place of a character does not tell its class (Fisher and Yates).
	for i := len(password) - 1; i > 0; i-- {
		j, err := below(g.random, i+1)
		if err != nil {
			return "", err
		}
		password[i], password[j] = password[j], password[i]
	}
	return string(password), nil
}

// below returns a random number from 0 to n-1, each as likely as another. n is from 1 to 65,536.
func below(random io.Reader, n int) (int, error) {
	const numbers = 1 << 16
	var b [2]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, err
		}
		// Beyond the last whole multiple of n the small results would be likelier.
		if v := int(b[0])<<8 | int(b[1]); v < numbers-numbers%n {
			return v % n, nil
		}
	}
}
