package password

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func count(password, class string) (n int) {
	for _, r := range password {
		if strings.ContainsRune(class, r) {
			n++
		}
	}
	return n
}

// Whatever the settings, a password is as long as they say and has enough of each class.
func TestGenerate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12)
		s := Settings{
			Identifier: "x", AutoGenerate: true, GeneratedLength: rapid.IntRange(1, 40).Draw(t, "length"),
			GeneratedLowerCaseCharsCount: n.Draw(t, "lower"), GeneratedUpperCaseCharsCount: n.Draw(t, "upper"),
			GeneratedDigitCharsCount: n.Draw(t, "digits"), GeneratedSymbolCharsCount: n.Draw(t, "symbols"),
		}
		symbols := rapid.SampledFrom([]string{DefaultSymbols, "#", "€§"}).Draw(t, "alphabet")
		g, err := newGenerator(s, symbols, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		password, err := g.generate()
		if err != nil {
			t.Fatal(err)
		}
		sum := s.GeneratedLowerCaseCharsCount + s.GeneratedUpperCaseCharsCount + s.GeneratedDigitCharsCount + s.GeneratedSymbolCharsCount
		if got := len([]rune(password)); got != max(s.GeneratedLength, sum) {
			t.Errorf("%d characters of %d", got, max(s.GeneratedLength, sum))
		}
		for _, class := range []struct {
			of    string
			least int
		}{
			{lower, s.GeneratedLowerCaseCharsCount}, {upper, s.GeneratedUpperCaseCharsCount},
			{digits, s.GeneratedDigitCharsCount}, {symbols, s.GeneratedSymbolCharsCount},
		} {
			if got := count(password, class.of); got < class.least {
				t.Errorf("%d of %s in %s, want %d", got, class.of, password, class.least)
			}
		}
		if sum == 0 && count(password, lower) != len(password) {
			t.Errorf("%s is not of lower-case letters alone", password)
		}
		if got := count(password, lower+upper+digits+symbols); got != len([]rune(password)) {
			t.Errorf("%s has characters of no class", password)
		}
	})
}

// Each character is as likely as another of its class at each place, also where the size of the
// alphabet divides no power of two.
func TestGenerateIsUnbiased(t *testing.T) {
	const rounds = 100_000
	var seen [10]float64
	for range rounds {
		n, err := below(rand.Reader, len(seen))
		if err != nil {
			t.Fatal(err)
		}
		seen[n]++
	}
	sum := 0.0 // chi squared with 9 degrees of freedom: above 50 about once in ten million runs
	for _, n := range seen {
		sum += (n - rounds/10) * (n - rounds/10) / (rounds / 10)
	}
	if sum > 50 {
		t.Errorf("the numbers are not spread evenly: %v", seen)
	}
	s := Settings{Identifier: "x", AutoGenerate: true, GeneratedLowerCaseCharsCount: 1, GeneratedUpperCaseCharsCount: 1, GeneratedDigitCharsCount: 1, GeneratedSymbolCharsCount: 1}
	g, err := newGenerator(s, DefaultSymbols, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var first [4]int
	for range 4000 {
		password, err := g.generate()
		if err != nil {
			t.Fatal(err)
		}
		for i, class := range []string{lower, upper, digits, DefaultSymbols} {
			first[i] += count(password[:1], class)
		}
	}
	for _, n := range first { // 1,000 each, with a deviation of 27
		if n < 800 || n > 1200 {
			t.Errorf("the classes are not shuffled: %v stand first", first)
		}
	}
}

func TestBelowTakesNoBiasedNumber(t *testing.T) {
	// 65,535 lies beyond the last whole multiple of 10, so that the next number counts.
	n, err := below(bytes.NewReader([]byte{0xFF, 0xFF, 0x00, 0x0D}), 10)
	if n != 3 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := below(bytes.NewReader([]byte{1}), 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func TestGenerateWithoutRandomness(t *testing.T) {
	s := Defaults()
	s.Identifier, s.AutoGenerate = "x", true
	if _, err := New(Options{Settings: []Settings{s}, Random: strings.NewReader("")}); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v", err)
	}
	s.GeneratedSymbolCharsCount = 1
	if _, err := newGenerator(s, "", rand.Reader); !fault.Is(err, fault.Invalid) {
		t.Errorf("without symbols: %v", err)
	}
}
