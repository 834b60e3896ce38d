package folder_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A symbolic link is not taken, and that is said once.
func TestLinks(t *testing.T) {
	s := newSite(t)
	file := filepath.Join(t.TempDir(), "orders.json")
	if err := os.WriteFile(file, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link.json", "folder", ".hidden.json"} {
		if err := os.Symlink(file, filepath.Join(s.path, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	s.look(t, 3)
	slices.Sort(s.trouble)
	if len(s.trouble) != 2 || !strings.HasSuffix(s.trouble[1], "link.json is a symbolic link and is not taken") || s.accepts > 0 {
		t.Errorf("%d, %q", s.accepts, s.trouble)
	}
}

// The folders of what is done are known in any case of letters: on Windows they are the same.
func TestCaseOfFolders(t *testing.T) {
	s := newSite(t)
	s.write(t, "completed/1.json", "1\n")
	s.write(t, "ERRORED/2.json", "2\n")
	s.write(t, "users/completed/3.json", "3\n")
	s.look(t, 2)
	if s.accepts != 1 || len(s.trouble) > 0 {
		t.Errorf("%d, %q", s.accepts, s.trouble)
	}
}
