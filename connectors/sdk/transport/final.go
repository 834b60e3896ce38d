package transport

import "errors"

// final marks an error that trying again does not help.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Final marks err as one that trying again does not help: it stays until somebody
// changes a setting, such as a certificate that is not trusted, or it was tried
// for long enough already. The text is err's.
func Final(err error) error { return final{err} }

// IsFinal reports whether err, or one that it wraps, was marked by [Final].
func IsFinal(err error) bool {
	_, ok := errors.AsType[final](err)
	return ok
}
