package ledger_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/export/ledger"
	"github.com/usher-iga/usher/agent/export/ledger/ledgertest"
	"github.com/usher-iga/usher/agent/export/publish"
	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// still is a clock that stands still.
type still struct{ now time.Time }

func (s still) Now() time.Time { return s.now }

func (s still) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

var (
	noon     = time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)
	obtained = noon.Add(-24 * time.Hour)
)

const (
	usersLink  = "https://graph.example.com/v1.0/users/delta?$deltatoken=users-canary"
	groupsLink = "https://graph.example.com/v1.0/groups/delta?$deltatoken=groups-canary"
)

// options are those of a ledger in a folder.
func options(folder, run string) ledger.Options {
	return ledger.Options{
		Connection: "Contoso", Run: run, Work: filepath.Join(folder, "Work"), Output: filepath.Join(folder, "Output"), Clock: still{noon},
	}
}

// published is a folder where run 1 is published, with two cookies.
func published(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	ledgertest.Enter(t, options(folder, "1"), ledgertest.Run{
		Mode: publish.Complete, Object: "a", Cookies: map[string]string{"user": usersLink, "group": groupsLink}, Obtained: obtained,
	})
	return folder
}

// with calls work with the ledger of a folder.
func with(t *testing.T, folder, run string, work func(*ledger.Ledger)) {
	t.Helper()
	l, err := ledger.Open(t.Context(), options(folder, run))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	work(l)
}

// cookies are those of a folder, by entity.
func cookies(t *testing.T, folder string) map[string]store.Cookie {
	t.Helper()
	all := map[string]store.Cookie{}
	with(t, folder, "look", func(l *ledger.Ledger) {
		known, err := l.Known()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range known.Cookies() {
			all[c.Entity] = c
		}
	})
	return all
}

// write writes a file with a time.
func write(t *testing.T, folder, name, content string, at time.Time) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is exported can be imported, and is what it was.
func TestCookiesRoundTrip(t *testing.T) {
	folder := published(t)
	before := cookies(t, folder)
	to := filepath.Join(folder, "a", "b")
	with(t, folder, "export", func(l *ledger.Ledger) {
		paths, err := l.ExportCookies(to)
		if want := []string{filepath.Join(to, "Contoso_cookie_group.bin"), filepath.Join(to, "Contoso_cookie_user.bin")}; err != nil || !slices.Equal(paths, want) {
			t.Fatalf("%v, %v", paths, err)
		}
	})
	content, err := os.ReadFile(filepath.Join(to, "Contoso_cookie_user.bin"))
	if err != nil || string(content) != usersLink {
		t.Errorf("%q, %v", content, err)
	}
	if info, err := os.Stat(filepath.Join(to, "Contoso_cookie_user.bin")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	with(t, folder, "import", func(l *ledger.Ledger) {
		imported, err := l.ImportCookies(t.Context(), []string{filepath.Join(to, "Contoso_cookie_user.bin"), filepath.Join(to, "Contoso_cookie_group.bin")})
		if err != nil || len(imported) != 2 || imported[0].Entity != "user" || imported[0].Newer || !imported[0].Obtained.Equal(obtained) {
			t.Errorf("%v, %v", imported, err)
		}
		if gap, err := l.Gap(); gap != "" || err != nil {
			t.Errorf("%q, %v", gap, err)
		}
	})
	for entity, c := range cookies(t, folder) {
		was := before[entity]
		if c.Text.Reveal() != was.Text.Reveal() || !c.Obtained.Equal(was.Obtained) || c.Hash != was.Hash || c.Run != was.Run {
			t.Errorf("%s: %v, and it was %v", entity, c, was)
		}
	}
}

// An imported cookie takes the place of the one that is there.
func TestImportCookies(t *testing.T) {
	for _, tc := range []struct {
		name, file, content, want string
		at                        time.Time
		newer                     bool
	}{
		{name: "as text", file: "Contoso_cookie_user.bin", content: usersLink + "-2", want: usersLink + "-2", at: obtained},
		{name: "any case", file: "CONTOSO_cookie_User.BIN", content: usersLink, want: usersLink, at: obtained},
		{name: "of an editor", file: "Contoso_cookie_user.bin", content: "\ufeff" + usersLink + "\r\n", want: usersLink, at: obtained},
		{name: "older", file: "Contoso_cookie_user.bin", content: usersLink, want: usersLink, at: noon.Add(-7 * 24 * time.Hour)},
		{name: "newer", file: "Contoso_cookie_user.bin", content: usersLink, want: usersLink, at: noon, newer: true},
		{name: "function in full", file: "Contoso_cookie_user.bin", content: "https://GRAPH.example.com/v1.0/users/microsoft.graph.delta()?$deltatoken=x",
			want: "https://GRAPH.example.com/v1.0/users/microsoft.graph.delta()?$deltatoken=x", at: obtained},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := published(t)
			path := write(t, folder, tc.file, tc.content, tc.at)
			with(t, folder, "import", func(l *ledger.Ledger) {
				imported, err := l.ImportCookies(t.Context(), []string{path})
				if err != nil || !slices.Equal(imported, []ledger.Imported{{Entity: "user", Obtained: tc.at, Newer: tc.newer}}) {
					t.Errorf("%v, %v", imported, err)
				}
			})
			now := cookies(t, folder)
			if c := now["user"]; c.Text.Reveal() != tc.want || !c.Obtained.Equal(tc.at) || c.Hash != [32]byte{1} || c.Run != "1" {
				t.Errorf("%q of %v, run %s", c.Text.Reveal(), c.Obtained, c.Run)
			}
			if now["group"].Text.Reveal() != groupsLink {
				t.Error("the cookie of group has changed")
			}
		})
	}
}

// A file that holds no cookie, or a cookie that cannot be used, is refused with the reason,
// and with it all others. No error tells a cookie.
func TestImportIsRefused(t *testing.T) {
	type file struct{ name, content string }
	user := func(content string) []file { return []file{{"Contoso_cookie_user.bin", content}} }
	for _, tc := range []struct {
		name  string
		files []file
		at    time.Time
		code  fault.Code
		want  string
	}{
		{"another name", []file{{"cookie.bin", usersLink}}, obtained, fault.Invalid, "is not named like a cookie of connection Contoso"},
		{"another connection", []file{{"Fabrikam_cookie_user.bin", usersLink}}, obtained, fault.Invalid, "is not named like a cookie of connection Contoso"},
		{"no entity", []file{{"Contoso_cookie_.bin", usersLink}}, obtained, fault.Invalid, "is not named like a cookie"},
		{"nothing known", []file{{"Contoso_cookie_device.bin", usersLink}}, obtained, fault.NotFound, "connection Contoso has none of device, so what it would go on from is not known"},
		{"empty", user(""), obtained, fault.Invalid, "does not hold a cookie"},
		{"no URL", user("canary"), obtained, fault.Invalid, "does not hold a cookie"},
		{"bad URL", user("https://[canary"), obtained, fault.Invalid, "does not hold a cookie"},
		{"http", user("http" + strings.TrimPrefix(usersLink, "https")), obtained, fault.Invalid, "does not hold a cookie"},
		{"a password", user("https://me:canary@graph.example.com/v1.0/users/delta?x"), obtained, fault.Invalid, "does not hold a cookie"},
		{"no token", user("https://graph.example.com/v1.0/users/delta"), obtained, fault.Invalid, "does not hold a cookie"},
		{"two lines", user(usersLink + "\n" + usersLink), obtained, fault.Invalid, "does not hold a cookie"},
		{"not UTF-8", user(usersLink + "\xff"), obtained, fault.Invalid, "does not hold a cookie"},
		{"too long", user(usersLink + strings.Repeat("x", 64<<10)), obtained, fault.Invalid, "does not hold a cookie"},
		{"encrypted", user("\x93\x10\x01\x00canary"), obtained, fault.Invalid, "is encrypted"},
		{"encrypted, and edited", user("\ufeff \x93\x10\x01\x00canary\n"), obtained, fault.Invalid, "is encrypted"},
		{"encrypted, in base64", user("kxABAcanary"), obtained, fault.Invalid, "is encrypted"},
		{"another host", user("https://graph.example.org/v1.0/users/delta?$deltatoken=canary"), obtained, fault.Invalid, "is not of the address from which connection Contoso reads user"},
		{"another entity", user(groupsLink), obtained, fault.Invalid, "is not of the address"},
		{"in the future", user(usersLink), noon.Add(time.Second), fault.Invalid, "is in the future"},
		{"too old", user(usersLink), noon.Add(-7*24*time.Hour - time.Second), fault.Invalid, "more than 7 days ago"},
		{"twice", []file{{"Contoso_cookie_user.bin", usersLink}, {"contoso_cookie_USER.bin", usersLink}}, obtained, fault.Invalid, "is the second one of user"},
		{"one of two", []file{{"Contoso_cookie_group.bin", groupsLink + "-2"}, {"Contoso_cookie_user.bin", "canary"}}, obtained, fault.Invalid, "Contoso_cookie_user.bin does not hold"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := published(t)
			var paths []string
			for i, f := range tc.files {
				in := filepath.Join(folder, strconv.Itoa(i))
				if err := os.Mkdir(in, 0o700); err != nil {
					t.Fatal(err)
				}
				paths = append(paths, write(t, in, f.name, f.content, tc.at))
			}
			with(t, folder, "import", func(l *ledger.Ledger) {
				_, err := l.ImportCookies(t.Context(), paths)
				if !fault.Is(err, tc.code) || !strings.Contains(err.Error(), tc.want) || fault.Of(err).Hint == "" || strings.Contains(err.Error(), "canary") {
					t.Errorf("got %v, want %q", err, tc.want)
				}
			})
			if now := cookies(t, folder); now["user"].Text.Reveal() != usersLink || now["group"].Text.Reveal() != groupsLink {
				t.Error("a cookie was taken")
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		folder := published(t)
		with(t, folder, "import", func(l *ledger.Ledger) {
			_, err := l.ImportCookies(t.Context(), []string{filepath.Join(folder, "Contoso_cookie_user.bin")})
			if !fault.Is(err, fault.Storage) {
				t.Errorf("got %v", err)
			}
		})
	})
}

// A cookie from before everything was asked for anew may be of another mapping.
func TestImportOfEarlierMapping(t *testing.T) {
	folder := published(t)
	listed := obtained.Add(time.Hour)
	ledgertest.Enter(t, options(folder, "2"), ledgertest.Run{
		Mode: publish.Complete, Object: "b", Cookies: map[string]string{"user": usersLink}, Obtained: listed, Listed: listed,
	})
	for _, tc := range []struct {
		at   time.Time
		want string
	}{
		{obtained, "is of 2026-03-07 12:00:00 UTC, from before the complete export of user that began at 2026-03-07 13:00:00 UTC"},
		{listed, ""},
		{listed.Add(-time.Second), ""}, // as disks round times
	} {
		path := write(t, folder, "Contoso_cookie_user.bin", usersLink, tc.at)
		with(t, folder, "import "+tc.at.Format("150405"), func(l *ledger.Ledger) {
			_, err := l.ImportCookies(t.Context(), []string{path})
			if (tc.want != "") != fault.Is(err, fault.Invalid) || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v: got %v", tc.at, err)
			}
		})
	}
	if c := cookies(t, folder)["user"]; !c.Listed.Equal(listed) {
		t.Errorf("listed at %v, want %v", c.Listed, listed)
	}
}

// What is no file is not opened.
func TestImportOfFolder(t *testing.T) {
	folder := published(t)
	path := filepath.Join(folder, "Contoso_cookie_user.bin")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	with(t, folder, "import", func(l *ledger.Ledger) {
		if _, err := l.ImportCookies(t.Context(), []string{path}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "is not a file") {
			t.Errorf("got %v", err)
		}
	})
}

// An import that fails changes nothing.
func TestImportFails(t *testing.T) {
	folder := published(t)
	path := write(t, folder, "Contoso_cookie_user.bin", usersLink+"-2", obtained)
	o := options(folder, "import")
	o.Cut = func(string) error { return fault.Errorf(fault.Storage, "no space") }
	l, err := ledger.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.ImportCookies(t.Context(), []string{path}); !fault.Is(err, fault.Storage) {
		t.Errorf("got %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if now := cookies(t, folder); now["user"].Text.Reveal() != usersLink {
		t.Error("the cookie was taken")
	}
}

// While a run is held, what it goes on from stays. Cookies can be looked at.
func TestCookiesOfHeldRun(t *testing.T) {
	folder := published(t)
	path := write(t, folder, "Contoso_cookie_user.bin", usersLink+"-2", obtained)
	ledgertest.Enter(t, options(folder, "2"), ledgertest.Run{Mode: publish.Incremental, Object: "b", Held: "too many"})
	with(t, folder, "3", func(l *ledger.Ledger) {
		if _, err := l.ImportCookies(t.Context(), []string{path}); !fault.Is(err, fault.Held) || !strings.Contains(err.Error(), "run 2") {
			t.Errorf("import: %v", err)
		}
		if _, err := l.ResetCookies(t.Context(), nil); !fault.Is(err, fault.Held) {
			t.Errorf("reset: %v", err)
		}
		if _, err := l.ExportCookies(folder); err != nil {
			t.Errorf("export: %v", err)
		}
	})
}

func TestResetCookies(t *testing.T) {
	folder := published(t)
	with(t, folder, "2", func(l *ledger.Ledger) {
		if _, err := l.ResetCookies(t.Context(), []string{"user", "device"}); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "no cookie of device") {
			t.Errorf("got %v", err)
		}
		if deleted, err := l.ResetCookies(t.Context(), []string{"USER"}); err != nil || !slices.Equal(deleted, []string{"user"}) {
			t.Errorf("%v, %v", deleted, err)
		}
	})
	with(t, folder, "3", func(l *ledger.Ledger) {
		for _, want := range [][]string{{"group"}, nil} {
			if deleted, err := l.ResetCookies(t.Context(), nil); err != nil || !slices.Equal(deleted, want) {
				t.Errorf("%v, %v, want %v", deleted, err, want)
			}
		}
		if _, err := l.ExportCookies(folder); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	})
}
