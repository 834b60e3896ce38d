//go:build race

package trial_test

// The programs are built as the tests are.
func init() { buildFlags = []string{"-race"} } //nolint:gochecknoinits // the only way to learn of -race
