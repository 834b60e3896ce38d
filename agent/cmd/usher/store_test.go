package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-iga/usher/agent/store"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestStore(t *testing.T) {
	s := newSite(t)
	s.hold(t)
	for _, command := range []string{"check", "compact"} {
		s.tells(t, "What is known of contoso is in order: 1 cookies, 2 runs, *.\n  objects/user  1\n", "store", command, "contoso")
		var report struct {
			Sets []struct {
				Name string
				Keys int
			}
			Cookies, Runs, Held, Bytes int
		}
		s.gives(t, &report, "store", command, "contoso")
		if len(report.Sets) != 1 || report.Sets[0].Keys != 1 || report.Cookies != 1 || report.Runs != 2 || report.Held != 1 || report.Bytes == 0 {
			t.Errorf("%s reports %+v", command, report)
		}
	}
	folder := filepath.Join(s.root, "copy")
	s.tells(t, "Copied to "+folder+".\n", "store", "backup", "contoso", folder)
	s.refuses(t, exitUsage, fault.Invalid, "the folder "+folder+" is not empty", "store", "backup", "contoso", folder)
	var result struct{ Folder string }
	s.gives(t, &result, "store", "backup", "contoso", folder+"2")
	if result.Folder != folder+"2" {
		t.Errorf("the result is %v", result)
	}
}

// Damage is told with the way out.
func TestStoreIsDamaged(t *testing.T) {
	s := newSite(t)
	files, err := filepath.Glob(filepath.Join(store.Folder(s.options.Work, "Contoso"), "sets", "*.set"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, exitFailed, fault.Storage, files[0], "store", "check", "Contoso")
}
