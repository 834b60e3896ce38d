//go:build !linux

package journal

import "go.etcd.io/bbolt"

// unmap does nothing: only Linux counts mapped pages of files as memory of the process that
// it could give back.
func unmap(*bbolt.DB) error { return nil }
