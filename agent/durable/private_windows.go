package durable

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/usher-iga/usher/agent/durable/internal/acl"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// CheckPrivate refuses a file that holds secrets if one of the groups that many are in, such
// as Everyone or Users, can read or change it, or delete it by a right on its folder.
//
// Errors are [fault.Invalid] with the command that helps, or [fault.Storage] for a file that
// cannot be looked at.
func CheckPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return Fault(err, "read", path)
	}
	if !info.Mode().IsRegular() {
		return fault.Errorf(fault.Invalid, "%s is not a file", path).WithHint("Give the path of a file")
	}
	entries, err := entriesOf(path)
	if err != nil {
		return Fault(err, "read the permissions of", path)
	}
	if who := acl.Holder(entries, acl.Read|acl.Change); who != "" {
		return fault.Errorf(fault.Invalid, "%s holds secrets and is open to the group %s", path, who).WithHint("Run: %s", closing(path, ""))
	}
	folder := filepath.Dir(path)
	if entries, err = entriesOf(folder); err != nil {
		return Fault(err, "read the permissions of", folder)
	}
	if who := acl.Holder(entries, acl.Replace); who != "" {
		return fault.Errorf(fault.Invalid, "%s holds secrets, and the group %s can replace it: it has full rights on the folder", path, who).
			WithHint("Run: %s", closing(folder, "(OI)(CI)"))
	}
	return nil
}

// closing is the command that leaves SYSTEM, Administrators and the one who runs it alone in the list.
// Its numbers are the groups' in every language of Windows.
func closing(path, inherit string) string {
	return `icacls "` + path + `" /inheritance:r /grant:r *S-1-5-18:` + inherit + `F *S-1-5-32-544:` + inherit + `F "%USERNAME%":` + inherit + `F`
}

// entriesOf returns what the access list of a file or folder allows. No list allows everything.
func entriesOf(path string) ([]acl.Entry, error) {
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil, err
	}
	list, _, err := descriptor.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && list == nil {
		return []acl.Entry{{SID: "S-1-1-0", Rights: acl.Read | acl.Change | acl.Replace}}, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []acl.Entry
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return nil, err
		}
		const allowed, allowedOnCondition = windows.ACCESS_ALLOWED_ACE_TYPE, 9 // of the same form
		if t := ace.Header.AceType; t != allowed && t != allowedOnCondition || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		entries = append(entries, acl.Entry{SID: sid.String(), Rights: uint32(ace.Mask)})
	}
	return entries, nil
}

// private gives what is created full rights for SYSTEM, Administrators and the account that runs
// Usher, and none that its folder would hand down. Inherit is "OICI" for a folder, which hands these on.
func private(inherit string) (*windows.SecurityAttributes, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	entry := "(A;" + inherit + ";FA;;;"
	descriptor, err := windows.SecurityDescriptorFromString("D:P" + entry + "SY)" + entry + "BA)" + entry + user.User.Sid.String() + ")")
	if err != nil {
		return nil, err
	}
	return &windows.SecurityAttributes{Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: descriptor}, nil
}

// createTemp is os.CreateTemp for a file that is private; name is what stands before the random part.
func createTemp(folder, name string) (*os.File, error) {
	attributes, err := private("")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name+rand.Text()+temporary)
	text, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateFile(text, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE,
		attributes, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// makeFolder is os.Mkdir for a folder that is private.
func makeFolder(path string) error {
	attributes, err := private("OICI")
	if err != nil {
		return err
	}
	text, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	if err := windows.CreateDirectory(text, attributes); err != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return nil
}
