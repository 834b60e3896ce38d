package acl_test

import (
	"testing"

	"github.com/usher-iga/usher/agent/durable/internal/acl"
)

func TestHolder(t *testing.T) {
	const (
		full, modify, readOnly, attributes = 0x1f01ff, 0x1301bf, 0x120089, 0x100080
		generic                            = 0x80000000
		system, administrators, account    = "S-1-5-18", "S-1-5-32-544", "S-1-5-21-1-2-3-1001"
		everyone, users, authenticated     = "S-1-1-0", "S-1-5-32-545", "S-1-5-11"
	)
	private := []acl.Entry{{system, full}, {administrators, full}, {account, full}}
	for _, tc := range []struct {
		name                  string
		more                  []acl.Entry
		read, change, replace string
	}{
		{"private", nil, "", "", ""},
		{"as a folder on C: gives it", []acl.Entry{{users, readOnly}, {authenticated, modify}}, "Users", "Authenticated Users", ""},
		{"everyone", []acl.Entry{{everyone, full}}, "Everyone", "Everyone", "Everyone"},
		{"generic", []acl.Entry{{everyone, generic}}, "Everyone", "", ""},
		{"attributes alone", []acl.Entry{{everyone, attributes}}, "", "", ""},
		{"domain users", []acl.Entry{{"S-1-5-21-1-2-3-513", readOnly}}, "Domain Users", "", ""},
		{"another account", []acl.Entry{{"S-1-5-21-1-2-3-5130", full}}, "", "", ""},
	} {
		entries := append(append([]acl.Entry(nil), private...), tc.more...)
		for rights, want := range map[uint32]string{acl.Read: tc.read, acl.Change: tc.change, acl.Replace: tc.replace} {
			if got := acl.Holder(entries, rights); got != want {
				t.Errorf("%s: %#x is held by %q, want %q", tc.name, rights, got, want)
			}
		}
	}
}
