package durable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func TestCheckPrivate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "in")
	if err := MakeFolder(folder); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "key")
	if err := WriteFile(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := CheckPrivate(path); err != nil {
		t.Errorf("what this package creates is not private: %v", err)
	}
	inherits := filepath.Join(folder, "other")
	if err := os.WriteFile(inherits, nil, FileMode); err != nil {
		t.Fatal(err)
	}
	if err := CheckPrivate(inherits); err != nil {
		t.Errorf("what is created in its folders is not private: %v", err)
	}
	grant(t, path, "FR")
	if err := CheckPrivate(path); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "the group Everyone") || !strings.Contains(fault.Of(err).Hint, "icacls") {
		t.Errorf("got %v", err)
	}
	grant(t, path, "")
	if err := CheckPrivate(path); err != nil {
		t.Errorf("it is private again: %v", err)
	}
	grant(t, folder, "FA")
	if err := CheckPrivate(path); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

// grant gives rights, such as FR of a security descriptor's text, to Everyone, and full
// rights to those that private gives them; it takes away all others.
func grant(t *testing.T, path, rights string) {
	t.Helper()
	attributes, err := private("")
	if err != nil {
		t.Fatal(err)
	}
	text := attributes.SecurityDescriptor.String()
	if rights != "" {
		text += "(A;;" + rights + ";;;WD)"
	}
	descriptor, err := windows.SecurityDescriptorFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		t.Fatal(err)
	}
	if err := windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil); err != nil {
		t.Fatal(err)
	}
}
