// Package family runs a program so that what it has started can be ended with it: a process
// group, or on Windows a job, which ends when the agent does. A Ctrl-C at the terminal reaches
// the agent alone. A Family is not safe for use by several goroutines.
package family
