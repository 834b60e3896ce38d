package cyberark

import (
	"os"
	"slices"
	"strings"
)

const usualProgram = `C:\Program Files (x86)\CyberArk\ApplicationPasswordSdk\CLIPasswordSDK.exe`

// needed is what Windows programs expect of their environment.
var needed = []string{"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATH", "PATHEXT", "TEMP", "TMP", "PROGRAMDATA", "COMPUTERNAME"}

// environment is all that the program gets of ours.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return !slices.Contains(needed, strings.ToUpper(name))
	})
}
