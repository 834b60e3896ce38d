package lock_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/usher-iga/usher/agent/lock"
)

func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "contoso")
	now := time.Date(2026, 11, 22, 10, 15, 0, 0, time.UTC)
	for _, tc := range []struct{ run, want string }{
		{"R1", fmt.Sprintf(" by process %d, run R1, since 2026-11-22 10:15:00 UTC", os.Getpid())},
		{"", fmt.Sprintf(" by process %d since 2026-11-22 10:15:00 UTC", os.Getpid())},
	} {
		first, by, err := lock.Try(path, tc.run, now)
		if err != nil || first == nil || by != "" {
			t.Fatal(first, by, err)
		}
		if second, by, err := lock.Try(path, "R2", now); second != nil || by != tc.want || err != nil {
			t.Errorf("second: %v, %q, %v; want %q", second, by, err, tc.want)
		}
		first.Release()
		first.Release()
	}
	if _, err := os.Stat(path + ".holder"); !os.IsNotExist(err) {
		t.Errorf("the holder is still told: %v", err)
	}
	if _, _, err := lock.Try(filepath.Join(path, "nowhere", "x"), "", now); err == nil {
		t.Error("a folder that is not there can be locked")
	}
}
