package certificate

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// find reads all certificates of the store and compares them here: Windows compares
// names by their encoding, so that one and the same name can differ.
func (s Store) find() (Identity, error) {
	handle, err := s.open()
	if err != nil {
		return Identity{}, fault.Errorf(fault.Invalid, "the certificate store %s cannot be opened: %w", s, err).
			WithHint("Check the store's name; the usual one is My, which Windows shows as Personal")
	}
	defer func() { _ = windows.CertCloseStore(handle, 0) }()

	best, err := s.search(handle)
	switch {
	case err != nil:
		return Identity{}, fault.Errorf(fault.Invalid, "the certificate store %s cannot be read: %w", s, err)
	case best == nil:
		return Identity{}, fault.Errorf(fault.Invalid, "the store %s holds no certificate %s", s, s.wanted()).
			WithHint("Look with certlm.msc (LocalMachine) or certmgr.msc (CurrentUser) where it is and import it there with its private key")
	}
	defer func() { _ = windows.CertFreeCertificateContext(best.context) }()

	public, ok := best.certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return Identity{}, fault.Errorf(fault.Invalid, "the certificate %s in the store %s cannot be used: %w", s.wanted(), s, errNotRSA).
			WithHint("Use a certificate with an RSA key")
	}
	key, err := acquire(best.context, public)
	if err != nil {
		return Identity{}, fault.Errorf(fault.Invalid, "the private key of the certificate %s in the store %s cannot be used: %w", s.wanted(), s, err).
			WithHint("Import the certificate with its private key; in certlm.msc, All Tasks, Manage Private Keys, give the account that runs Usher the right to read it")
	}
	return Identity{Chain: []*x509.Certificate{best.certificate}, Key: key}, nil
}

func (s Store) open() (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(s.Name)
	if err != nil {
		return 0, err
	}
	var location uint32 = windows.CERT_SYSTEM_STORE_LOCAL_MACHINE
	if strings.EqualFold(s.Location, "CurrentUser") {
		location = windows.CERT_SYSTEM_STORE_CURRENT_USER
	}
	handle, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM, 0, 0,
		location|windows.CERT_STORE_OPEN_EXISTING_FLAG|windows.CERT_STORE_READONLY_FLAG, uintptr(unsafe.Pointer(name)))
	runtime.KeepAlive(name)
	return handle, err
}

// found is a certificate with its context, which the holder frees.
type found struct {
	certificate *x509.Certificate
	context     *windows.CertContext
}

// search returns the best of the certificates that s names, or nil.
func (s Store) search(store windows.Handle) (*found, error) {
	now := clock.System.Now()
	var best *found
	var context *windows.CertContext
	for {
		var err error
		// It frees the context that it is given.
		if context, err = windows.CertEnumCertificatesInStore(store, context); err != nil {
			if errors.Is(err, syscall.Errno(windows.CRYPT_E_NOT_FOUND)) || errors.Is(err, windows.ERROR_NO_MORE_FILES) {
				return best, nil
			}
			return nil, err
		}
		certificate, err := x509.ParseCertificate(slices.Clone(unsafe.Slice(context.EncodedCert, context.Length)))
		if err != nil || !s.matches(certificate) || best != nil && !better(certificate, best.certificate, now) {
			continue // stores of old machines hold certificates that Go does not read
		}
		if best != nil {
			_ = windows.CertFreeCertificateContext(best.context)
		}
		best = &found{certificate, windows.CertDuplicateCertificateContext(context)}
	}
}
