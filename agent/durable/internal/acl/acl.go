// Package acl judges the access lists of Windows, by itself so that it can be tested anywhere.
package acl

import (
	"slices"
	"strings"
)

// An Entry gives rights to an account or a group.
type Entry struct {
	SID    string // such as S-1-1-0
	Rights uint32
}

// The rights that matter. Source:
// https://learn.microsoft.com/windows/win32/fileio/file-security-and-access-rights.
const (
	readData    = 0x1
	writeData   = 0x2
	appendData  = 0x4
	deleteChild = 0x40
	deleteIt    = 0x10000
	writeDAC    = 0x40000
	writeOwner  = 0x80000
	all         = 0x10000000
	write       = 0x40000000
	read        = 0x80000000

	// Read lets a file be read.
	Read = readData | read | all
	// Change lets a file be changed or deleted.
	Change = writeData | appendData | deleteIt | writeDAC | writeOwner | write | all
	// Replace lets files of a folder be deleted, whatever their own lists say.
	Replace = deleteChild | writeDAC | writeOwner | all
)

// groups are those that anybody, or anybody of the company, may be in. Source:
// https://learn.microsoft.com/windows/win32/secauthz/well-known-sids.
var groups = map[string]string{
	"S-1-1-0": "Everyone", "S-1-5-7": "Anonymous", "S-1-5-11": "Authenticated Users", "S-1-5-32-545": "Users",
	"S-1-5-32-546": "Guests", "S-1-5-4": "Interactive", "S-1-5-2": "Network",
}

// Holder returns the name of the first group of many that has one of the rights, or "".
func Holder(entries []Entry, rights uint32) string {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Rights&rights != 0 && groupOf(e.SID) != "" })
	if i < 0 {
		return ""
	}
	return groupOf(entries[i].SID)
}

func groupOf(sid string) string {
	if strings.HasPrefix(sid, "S-1-5-21-") { // of a domain
		switch sid[strings.LastIndexByte(sid, '-'):] {
		case "-513":
			return "Domain Users"
		case "-514":
			return "Domain Guests"
		}
	}
	return groups[sid]
}
