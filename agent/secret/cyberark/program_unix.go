//go:build !windows

package cyberark

const usualProgram = "/opt/CARKaim/sdk/clipasswordsdk"

// environment is all that the program gets of ours.
func environment() []string { return []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"} }
