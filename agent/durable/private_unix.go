//go:build !windows

package durable

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// CheckPrivate refuses a file that holds secrets and that others can read, change or put
// another one in place of. The rule is that of PostgreSQL for its private key: mode 0600 or less for a
// file of the account that runs Usher, 0640 or less for one of root's. Symbolic links are
// followed.
//
// Errors are [fault.Invalid] with the command that helps, or [fault.Storage] for a file that
// cannot be looked at.
func CheckPrivate(path string) error {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Fault(err, "read", path)
	}
	info, err := os.Stat(file)
	if err != nil {
		return Fault(err, "read", path)
	}
	if !info.Mode().IsRegular() {
		return fault.Errorf(fault.Invalid, "%s is not a file", path).WithHint("Give the path of a file")
	}
	if err := judge(path, info.Mode(), ownerOf(info), os.Geteuid()); err != nil {
		return err
	}
	for _, folder := range []string{filepath.Dir(path), filepath.Dir(file)} {
		info, err := os.Stat(folder)
		if err != nil {
			return Fault(err, "read the folder", folder)
		}
		if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return fault.Errorf(fault.Invalid, "%s holds secrets, and every user of this machine can replace it: its folder has the mode %04o", path, info.Mode().Perm()).
				WithHint("Run: chmod o-w %s", quote(folder))
		}
	}
	return nil
}

func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return 0
}

// judge refuses the mode and owner of a file, me being the account that runs Usher.
func judge(path string, mode fs.FileMode, owner, me int) error {
	const root = 0
	allowed := fs.FileMode(0o600)
	if owner == root {
		allowed = 0o640
	}
	var who string
	switch open := mode.Perm() &^ allowed &^ 0o100; { // that its owner may run it does no harm
	case owner != root && owner != me:
		return fault.Errorf(fault.Invalid, "%s holds secrets and belongs to user %d, neither to the account that runs Usher (user %d) nor to root", path, owner, me).
			WithHint("Run: chown %d %s && chmod 600 %[2]s", me, quote(path))
	case open&0o007 != 0:
		who = "every user of this machine"
	case open != 0:
		who = "its group"
	default:
		return nil
	}
	return fault.Errorf(fault.Invalid, "%s holds secrets and is open to %s: it has the mode %04o", path, who, mode.Perm()).
		WithHint("Run: chmod 600 %s", quote(path))
}

// quote writes a path so that a shell takes it as it is.
func quote(path string) string {
	special := strings.ContainsFunc(path, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+,:@", r)
	})
	if !special {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
