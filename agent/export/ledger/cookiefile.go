package ledger

import (
	"bytes"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The bounds of a cookie in a file.
const (
	maxCookie = 64 << 10 // bytes; delta links have some hundred to some thousand
	// maxCookieAge is how long Graph remembers where a delta query was, for users, groups
	// and other directory objects.
	// Source: https://learn.microsoft.com/graph/delta-query-overview#token-duration.
	maxCookieAge = 7 * 24 * time.Hour
)

// The marks of a file that the reference product has encrypted: the head of its container,
// and that in base64.
var (
	container       = []byte{0x93, 0x10, 0x01, 0x00}
	containerBase64 = []byte("kxABA")
)

func (l *Ledger) cookieFile(entity string) string { return l.cookiePrefix() + entity + cookieEnding }
func (l *Ledger) cookiePrefix() string            { return l.options.Connection + "_cookie_" }

const cookieEnding = ".bin"

// readCookie reads the cookie of a file, which is to replace one of present, by entity in
// lower case. Its errors never tell the cookie, which is a secret.
func (l *Ledger) readCookie(file string, present map[string]store.Cookie) (store.Cookie, error) {
	entity, err := l.entityOf(file)
	if err != nil {
		return store.Cookie{}, err
	}
	old, ok := present[strings.ToLower(entity)]
	if !ok {
		return old, fault.Errorf(fault.NotFound, "the cookie in %s cannot be used: connection %s has none of %s, so what it would go on from is not known", file, l.options.Connection, entity).
			WithHint("Run 'usher export %s' first: it exports everything and obtains a cookie", l.options.Connection)
	}
	content, obtained, err := readSmall(file)
	if err != nil {
		return old, err
	}
	text, link, err := parseCookie(file, content)
	if err != nil {
		return old, err
	}
	now := l.options.Clock.Now()
	switch was, err := url.Parse(old.Text.Reveal()); {
	case err != nil || !sameAddress(was, link):
		return old, fault.Errorf(fault.Invalid, "the cookie in %s is not of the address from which connection %s reads %s", file, l.options.Connection, old.Entity).
			WithHint("Import cookies of the same tenant, cloud and entity only; without them the next export goes on from the present ones")
	case obtained.After(now):
		return old, fault.Errorf(fault.Invalid, "the file %s is of %s, which is in the future; its time tells how old the cookie is", file, obtained.Format(time.DateTime+" MST")).
			WithHint("Correct the clock, or set the time of the file to when the cookie was obtained")
	case now.Sub(obtained) > maxCookieAge:
		return old, fault.Errorf(fault.Invalid, "the cookie in %s is of %s, more than 7 days ago; Graph has forgotten it", file, obtained.Format(time.DateTime+" MST")).
			WithHint("Export without it: an entity whose cookie is dead is listed again")
	case obtained.Add(rounding).Before(old.Listed):
		return old, fault.Errorf(fault.Invalid, "the cookie in %s is of %s, from before the complete export of %s that began at %s: something else may have been asked for then",
			file, obtained.Format(time.DateTime+" MST"), old.Entity, old.Listed.Format(time.DateTime+" MST")).
			WithHint("Keep the cookie that is there: the next export goes on from it and misses nothing")
	}
	old.Text, old.Obtained = secret.New(text), obtained
	return old, nil
}

// entityOf takes the entity from the name of a file.
func (l *Ledger) entityOf(file string) (string, error) {
	name, prefix := filepath.Base(file), l.cookiePrefix()
	if len(name) > len(prefix)+len(cookieEnding) && strings.EqualFold(name[:len(prefix)], prefix) && strings.EqualFold(filepath.Ext(name), cookieEnding) {
		return name[len(prefix) : len(name)-len(cookieEnding)], nil
	}
	return "", fault.Errorf(fault.Invalid, "the file %s is not named like a cookie of connection %s", file, l.options.Connection).
		WithHint("Name it %s, with the name of the entity, such as user", l.cookieFile("ENTITY"))
}

// readSmall reads a file that is no larger than a cookie may be, with its time. What is no
// file is not even opened: to open a pipe would wait for who writes into it.
func readSmall(path string) ([]byte, time.Time, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, time.Time{}, durable.Fault(err, "read", path)
	} else if !info.Mode().IsRegular() {
		return nil, time.Time{}, fault.Errorf(fault.Invalid, "%s is not a file", path).
			WithHint("Import files that 'usher cookies export' or the agent of before wrote")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, durable.Fault(err, "read", path)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, time.Time{}, durable.Fault(err, "read", path)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxCookie+1))
	return content, info.ModTime().UTC(), durable.Fault(err, "read", path)
}

// parseCookie gives the link that a file holds, as text and in its parts.
func parseCookie(file string, content []byte) (string, *url.URL, error) {
	content = bytes.TrimSpace(bytes.TrimPrefix(content, []byte("\ufeff"))) // as an editor may have left it
	if bytes.HasPrefix(content, container) || bytes.HasPrefix(content, containerBase64) {
		return "", nil, fault.Errorf(fault.Invalid, "the cookie in %s is encrypted; only the agent that wrote it can read it", file).
			WithHint("Decrypt it with that agent's tool and certificate, or do without: the first export is complete and obtains cookies")
	}
	text := string(content)
	link, err := url.Parse(text)
	isBad := func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }
	if err != nil || len(content) > maxCookie || !utf8.ValidString(text) || strings.ContainsFunc(text, isBad) ||
		link.Scheme != "https" || link.Host == "" || link.User != nil || link.RawQuery == "" {
		return "", nil, fault.Errorf(fault.Invalid, "the file %s does not hold a cookie: a cookie is the delta link of Graph as text, a URL that begins with https://", file).
			WithHint("Import files that 'usher cookies export' or the agent of before wrote")
	}
	return text, link, nil
}

// sameAddress reports whether two delta links are of one host and collection. Their last
// segments spell the same function in several ways.
func sameAddress(a, b *url.URL) bool {
	return strings.EqualFold(a.Host, b.Host) && strings.EqualFold(path.Dir(a.Path), path.Dir(b.Path))
}
