package notice

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/mail"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

var update = flag.Bool("update", false, "write the outcome of the golden test into testdata")

type fakeMailer struct {
	check func(addresses ...string) error
	send  func(m mail.Message) error
}

func (f fakeMailer) Check(addresses ...string) error { return f.check(addresses...) }

func (f fakeMailer) Send(_ context.Context, m mail.Message) error { return f.send(m) }

// TestGolden writes every kind of notice; testdata/notices.txt shows them.
func TestGolden(t *testing.T) {
	var got strings.Builder
	for _, tc := range []struct {
		languages []string
		notice    Notice
	}{
		{nil, Notice{ID: "1", Email: "bob@contoso.com", FullName: "Bob", CC: "desk@contoso.com", Beneficiary: "Ann <Example>", Account: "ann@contoso.com", Password: secret.New(`a<b>&"c'`), New: true, MustChange: true}},
		{[]string{"fr-FR", "en"}, Notice{ID: "2", Email: "ann@contoso.com", Account: "ann@contoso.com", Password: secret.New("P@ssw0rd")}},
	} {
		s, err := New(fakeMailer{send: func(m mail.Message) error {
			fmt.Fprintf(&got, "ID %s\nTo %+v, CC %+v\nSubject %s\n\n%s\n%s\n", m.ID, m.To, m.CC, m.Subject, m.Text, m.HTML)
			return nil
		}}, tc.languages)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), tc.notice); err != nil {
			t.Fatal(err)
		}
	}
	const file = "testdata/notices.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || strings.ReplaceAll(string(want), "\r\n", "\n") != got.String() {
		t.Errorf("got:\n%s\nwant:\n%s\n%v", got.String(), want, err)
	}
}

func TestErrors(t *testing.T) {
	if _, err := New(nil, []string{"de"}); !fault.Is(err, fault.Invalid) || fault.Of(err).Setting != "NotificationSettings:Cultures" {
		t.Errorf("unknown language: %v", err)
	}
	away := fault.Errorf(fault.Unavailable, "away")
	s, err := New(fakeMailer{send: func(mail.Message) error { return away }, check: func(...string) error { return away }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), Notice{}); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	if err := s.Check("x"); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}
