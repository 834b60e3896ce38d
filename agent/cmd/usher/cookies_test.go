package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestListCookies(t *testing.T) {
	s := newSite(t)
	s.tells(t, "user  * UTC  run run-1\n", "cookies", "list", "contoso")
	var list struct {
		Cookies []struct {
			Entity, Run string
			Obtained    time.Time
		}
	}
	s.gives(t, &list, "cookies", "list", "contoso")
	if len(list.Cookies) != 1 || list.Cookies[0].Entity != "user" || list.Cookies[0].Run != "run-1" || list.Cookies[0].Obtained.IsZero() {
		t.Errorf("listed are %v", list)
	}
}

func TestResetCookies(t *testing.T) {
	s := newSite(t)
	s.refuses(t, exitFailed, fault.NotFound, "connection Contoso has no cookie of group", "cookies", "reset", "Contoso", "group")
	s.tells(t, "Deleted the cookies of user; the next export of Contoso is complete.\n", "cookies", "reset", "Contoso")
	s.tells(t, "There are no cookies of Contoso.\n", "cookies", "reset", "Contoso")
	var result struct{ Deleted []string }
	s.gives(t, &result, "cookies", "reset", "Contoso")
	if result.Deleted == nil || len(result.Deleted) > 0 {
		t.Errorf("deleted are %v", result.Deleted)
	}
	s.hold(t)
	s.refuses(t, exitHeld, fault.Held, "its cookies are not deleted while run run-2 is held", "cookies", "reset", "Contoso")
}

func TestMoveCookies(t *testing.T) {
	s := newSite(t)
	file := filepath.Join(s.root, "Work", "ExportCookies", "Contoso_cookie_user.bin")
	s.tells(t, file+"\n", "cookies", "export", "contoso")
	other := filepath.Join(s.root, "other")
	var exported struct{ Files []string }
	s.gives(t, &exported, "cookies", "export", "contoso", other)
	if want := filepath.Join(other, "Contoso_cookie_user.bin"); len(exported.Files) != 1 || exported.Files[0] != want {
		t.Errorf("exported are %v", exported.Files)
	}
	s.tells(t, "user goes on from its cookie of * UTC.\n", "cookies", "import", "Contoso", file)
	var imported struct {
		Imported []struct{ Entity string }
		Warnings []struct{ Message, Hint string }
	}
	s.gives(t, &imported, "cookies", "import", "Contoso", file)
	if len(imported.Imported) != 1 || imported.Imported[0].Entity != "user" || len(imported.Warnings) > 0 {
		t.Errorf("imported are %v", imported)
	}
	s.tells(t, "*  done  cookies import  0s  \n", "runs", "list", "Contoso", "--last", "1")
}

// A cookie that is newer than what is known loses changes, and that is said.
func TestImportOfNewerCookie(t *testing.T) {
	s := newSite(t)
	file := filepath.Join(s.root, "Contoso_cookie_user.bin")
	if err := os.WriteFile(file, []byte(usersLink), 0o600); err != nil {
		t.Fatal(err)
	}
	s.tells(t, "warning: the cookie of user is newer than the last export: the changes between the two are missing\n"+
		"         Run 'usher export Contoso --complete'.\nuser goes on from its cookie of *.\n", "cookies", "import", "Contoso", file)
}

func TestImportIsRefused(t *testing.T) {
	s := newSite(t)
	for name, content := range map[string]string{"Contoso_cookie_user.bin": "\x93\x10\x01\x00canary", "Contoso_cookie_group.bin": usersLink} {
		if err := os.WriteFile(filepath.Join(s.root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	user, group := filepath.Join(s.root, "Contoso_cookie_user.bin"), filepath.Join(s.root, "Contoso_cookie_group.bin")
	s.refuses(t, exitUsage, fault.Invalid, "is encrypted", "cookies", "import", "Contoso", user)
	s.refuses(t, exitFailed, fault.NotFound, "connection Contoso has none of group", "cookies", "import", "Contoso", group)
	if _, stderr := s.usher(t, exitFailed, "cookies", "import", "Contoso", group, user); !strings.Contains(stderr, "is encrypted") || !strings.Contains(stderr, "none of group") {
		t.Errorf("not all is told: %s", stderr)
	}
	s.refuses(t, exitUsage, fault.Invalid, "'usher cookies import' lacks FILE...", "cookies", "import", "Contoso")
}
