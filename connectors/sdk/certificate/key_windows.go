package certificate

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// A storeKey is an RSA key that stays in Windows: it signs and decrypts there. It is
// safe for use by several goroutines; its handle is freed with it.
type storeKey struct {
	public *rsa.PublicKey
	handle windows.Handle // NCRYPT_KEY_HANDLE
}

// acquire opens the private key of a certificate by CNG, which also opens keys of
// the older providers, and never asks the user.
func acquire(context *windows.CertContext, public *rsa.PublicKey) (*storeKey, error) {
	var handle windows.Handle
	var spec uint32
	var owned bool
	if err := windows.CryptAcquireCertificatePrivateKey(context,
		windows.CRYPT_ACQUIRE_SILENT_FLAG|windows.CRYPT_ACQUIRE_ONLY_NCRYPT_KEY_FLAG,
		nil, &handle, &spec, &owned); err != nil {
		return nil, err
	}
	key := &storeKey{public: public, handle: handle}
	if owned {
		runtime.AddCleanup(key, func(h windows.Handle) { _, _, _ = freeObject.Call(uintptr(h)) }, handle)
	}
	return key, nil
}

var (
	ncrypt     = windows.NewLazySystemDLL("ncrypt.dll")
	freeObject = ncrypt.NewProc("NCryptFreeObject")
	signHash   = ncrypt.NewProc("NCryptSignHash")
	decrypt    = ncrypt.NewProc("NCryptDecrypt")
)

// Of bcrypt.h and ncrypt.h.
const (
	padPKCS1   = 0x2
	padOAEP    = 0x4
	padPSS     = 0x8
	silentFlag = 0x40
)

type (
	pkcs1Padding struct{ algorithm *uint16 }
	pssPadding   struct {
		algorithm *uint16
		salt      uint32
	}
	oaepPadding struct {
		algorithm *uint16
		label     *byte
		labelSize uint32
	}
)

// Public is part of [crypto.Signer] and [crypto.Decrypter].
func (k *storeKey) Public() crypto.PublicKey { return k.public }

// Sign is part of [crypto.Signer]: RSASSA-PKCS1-v1_5, or RSASSA-PSS for [*rsa.PSSOptions].
func (k *storeKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	algorithm, err := algorithmOf(opts.HashFunc())
	if err != nil {
		return nil, err
	}
	if len(digest) != opts.HashFunc().Size() {
		return nil, errors.New("the digest does not have the length of its hash")
	}
	if pss, ok := opts.(*rsa.PSSOptions); ok {
		if pss.SaltLength != rsa.PSSSaltLengthEqualsHash && pss.SaltLength != len(digest) {
			return nil, errors.New("a key of the Windows store signs with a salt as long as the hash alone")
		}
		return k.sign(digest, unsafe.Pointer(&pssPadding{algorithm, uint32(len(digest))}), padPSS)
	}
	return k.sign(digest, unsafe.Pointer(&pkcs1Padding{algorithm}), padPKCS1)
}

func (k *storeKey) sign(digest []byte, padding unsafe.Pointer, flag uintptr) ([]byte, error) {
	signature := make([]byte, k.public.Size())
	var size uint32
	status, _, _ := signHash.Call(uintptr(k.handle), uintptr(padding),
		uintptr(unsafe.Pointer(&digest[0])), uintptr(len(digest)),
		uintptr(unsafe.Pointer(&signature[0])), uintptr(len(signature)), uintptr(unsafe.Pointer(&size)), flag|silentFlag)
	runtime.KeepAlive(k)
	if status != 0 {
		return nil, fmt.Errorf("sign in the Windows store: %w", syscall.Errno(status))
	}
	return signature[:size], nil
}

// Decrypt is part of [crypto.Decrypter], for [*rsa.OAEPOptions] without a label.
func (k *storeKey) Decrypt(_ io.Reader, text []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	oaep, ok := opts.(*rsa.OAEPOptions)
	if !ok || len(oaep.Label) > 0 || oaep.MGFHash != 0 && oaep.MGFHash != oaep.Hash {
		return nil, errors.New("a key of the Windows store decrypts OAEP without a label alone")
	}
	if len(text) != k.public.Size() {
		return nil, rsa.ErrDecryption
	}
	algorithm, err := algorithmOf(oaep.Hash)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, k.public.Size())
	var size uint32
	status, _, _ := decrypt.Call(uintptr(k.handle), uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)),
		uintptr(unsafe.Pointer(&oaepPadding{algorithm: algorithm})),
		uintptr(unsafe.Pointer(&plain[0])), uintptr(len(plain)), uintptr(unsafe.Pointer(&size)), padOAEP|silentFlag)
	runtime.KeepAlive(k)
	if status != 0 {
		return nil, fmt.Errorf("decrypt in the Windows store: %w", syscall.Errno(status))
	}
	return plain[:size], nil
}

func algorithmOf(hash crypto.Hash) (*uint16, error) {
	names := map[crypto.Hash]string{crypto.SHA1: "SHA1", crypto.SHA256: "SHA256", crypto.SHA384: "SHA384", crypto.SHA512: "SHA512"}
	name, ok := names[hash]
	if !ok {
		return nil, fmt.Errorf("a key of the Windows store does not know the hash %v", hash)
	}
	return windows.UTF16PtrFromString(name)
}
