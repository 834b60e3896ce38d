package journal

import (
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// unmap gives back the memory in which pages of the file are mapped. They stay in the system's cache;
// what is read again is mapped again. Without it a process that goes through a large journal
// seems to need as much memory as the journal is large.
func unmap(db *bbolt.DB) error {
	// bbolt does not move its mapping while a transaction reads, and has all of tx.Size mapped.
	return db.View(func(tx *bbolt.Tx) error {
		// It is advice: a refusal does no harm.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, db.Info().Data, uintptr(tx.Size()), unix.MADV_DONTNEED)
		return nil
	})
}
