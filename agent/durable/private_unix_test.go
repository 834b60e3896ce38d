//go:build !windows

package durable

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestJudge(t *testing.T) {
	const root, me, other = 0, 1000, 1001
	for _, tc := range []struct {
		mode    fs.FileMode
		owner   int
		me      int
		message string // empty for private
	}{
		{0o600, me, me, ""},
		{0o400, me, me, ""},
		{0o700, me, me, ""},
		{0o640, root, me, ""},
		{0o440, root, me, ""},
		{0o640, root, root, ""},
		{0o640, me, me, "is open to its group: it has the mode 0640"},
		{0o660, root, me, "is open to its group: it has the mode 0660"},
		{0o644, me, me, "is open to every user of this machine: it has the mode 0644"},
		{0o604, root, root, "is open to every user of this machine"},
		{0o602, me, me, "is open to every user of this machine"},
		{0o600, other, me, "belongs to user 1001, neither to the account that runs Usher (user 1000) nor to root"},
		{0o600, other, root, "belongs to user 1001"},
	} {
		err := judge("/a b/k", tc.mode, tc.owner, tc.me)
		if tc.message == "" {
			if err != nil {
				t.Errorf("%v: %v", tc, err)
			}
			continue
		}
		if f := fault.Of(err); f == nil || f.Code != fault.Invalid || !strings.Contains(f.Message, tc.message) || !strings.HasPrefix(f.Message, "/a b/k ") || !strings.Contains(f.Hint, "chmod 600 '/a b/k'") {
			t.Errorf("%v: %v", tc, err)
		}
	}
}

func TestCheckPrivate(t *testing.T) {
	folder := t.TempDir()
	path, link := filepath.Join(folder, "in", "key"), filepath.Join(folder, "link")
	if err := MakeFolder(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	chmod := func(name string, mode fs.FileMode) {
		t.Helper()
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name          string
		file, parent  fs.FileMode
		message, hint string
	}{
		{"private", 0o600, 0o700, "", ""},
		{"open", 0o644, 0o700, "is open to every user", "chmod 600 "},
		{"open folder", 0o600, 0o777, "can replace it: its folder has the mode 0777", "chmod o-w " + filepath.Dir(path)},
		{"folder such as /tmp", 0o600, 0o777 | fs.ModeSticky, "", ""},
	} {
		chmod(path, tc.file)
		chmod(filepath.Dir(path), tc.parent)
		for _, name := range []string{path, link} {
			err := CheckPrivate(name)
			if tc.message == "" {
				if err != nil {
					t.Errorf("%s: %v", tc.name, err)
				}
				continue
			}
			if f := fault.Of(err); f == nil || f.Code != fault.Invalid || !strings.Contains(f.Message, tc.message) || !strings.Contains(f.Message, name) || !strings.Contains(f.Hint, tc.hint) {
				t.Errorf("%s: %v", tc.name, err)
			}
		}
	}
	if err := CheckPrivate(folder); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if err := CheckPrivate(filepath.Join(folder, "none")); !fault.Is(err, fault.Storage) {
		t.Errorf("got %v", err)
	}
}

func TestQuote(t *testing.T) {
	for path, want := range map[string]string{"/a/b-1.é": "/a/b-1.é", "/a b": "'/a b'", "/it's": `'/it'\''s'`, "/$x": "'/$x'"} {
		if got := quote(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}
