package certificate

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"software.sslmate.com/src/go-pkcs12"
)

// onWine reports whether this is Wine. Its CNG keeps no keys and does not decrypt.
func onWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// A certificate with its key is imported, found by each of its names, and used.
func TestFindInStore(t *testing.T) {
	for _, tc := range []struct {
		name  string
		flags uint32
		cng   bool
	}{
		{"key of CNG", 0x200, true}, // PKCS12_ALWAYS_CNG_KSP
		{"key of the older providers", 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.cng && onWine() {
				t.Skip("Wine's CNG keeps no keys")
			}
			key := newKey(t)
			name := "usher test " + rand.Text()
			c := newCertificate(t, pkix.Name{Organization: []string{"Contoso"}, CommonName: name}, key, time.Now().Add(time.Hour))
			install(t, key, c, tc.flags)
			sum := sha1.Sum(c.Raw)
			for _, s := range []Store{
				{Location: "CurrentUser", Thumbprint: hex.EncodeToString(sum[:])},
				{Location: "currentuser", Name: "MY", DistinguishedName: name},
				{Location: "CurrentUser", DistinguishedName: "O=Contoso, CN=" + name},
			} {
				found, err := Find(s)
				if err != nil {
					t.Fatal(err)
				}
				if !found.Certificate().Equal(c) {
					t.Errorf("%s: got the certificate of %s", s.wanted(), found.Certificate().Subject)
				}
				if !onWine() { // it gives a handle of the older kind even if one of CNG is asked for
					signAndDecrypt(t, found.Key.(*storeKey))
				}
			}
		})
	}
}

// A key that Windows has imported signs and decrypts as its Go original would.
func TestStoreKey(t *testing.T) {
	key := newKey(t)
	var provider, handle windows.Handle
	call(t, "NCryptOpenStorageProvider", uintptr(unsafe.Pointer(&provider)), 0, 0)
	defer func() { call(t, "NCryptFreeObject", uintptr(provider)) }()
	blob := privateBlob(key)
	kind, err := windows.UTF16PtrFromString("RSAPRIVATEBLOB")
	if err != nil {
		t.Fatal(err)
	}
	call(t, "NCryptImportKey", uintptr(provider), 0, uintptr(unsafe.Pointer(kind)), 0,
		uintptr(unsafe.Pointer(&handle)), uintptr(unsafe.Pointer(&blob[0])), uintptr(len(blob)), silentFlag)
	defer func() { call(t, "NCryptFreeObject", uintptr(handle)) }()
	signAndDecrypt(t, &storeKey{public: &key.PublicKey, handle: handle})
}

// signAndDecrypt uses a key in all the ways that Usher does.
func signAndDecrypt(t *testing.T, key *storeKey) {
	t.Helper()
	hashes := []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}
	if onWine() {
		hashes = hashes[:1] // of PKCS 1 it does not sign the others
	}
	for _, hash := range hashes {
		h := hash.New()
		h.Write([]byte("text"))
		digest := h.Sum(nil)
		signature, err := key.Sign(nil, digest, hash)
		if err == nil {
			err = rsa.VerifyPKCS1v15(key.public, hash, digest, signature)
		}
		if err != nil {
			t.Errorf("PKCS 1, %v: %v", hash, err)
		}
		pss := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		signature, err = key.Sign(nil, digest, pss)
		if err == nil {
			err = rsa.VerifyPSS(key.public, hash, digest, signature, pss)
		}
		if err != nil {
			t.Errorf("PSS, %v: %v", hash, err)
		}
	}
	if onWine() {
		return
	}
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key.public, []byte("text"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := key.Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: crypto.SHA256}); err != nil || string(plain) != "text" {
		t.Errorf("OAEP: %q, %v", plain, err)
	}
	sealed[0] ^= 1
	if _, err := key.Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: crypto.SHA256}); err == nil {
		t.Error("OAEP: a text that was changed is decrypted")
	}
}

// install puts a certificate with its key into CurrentUser\My until the test ends.
func install(t *testing.T, key *rsa.PrivateKey, c *x509.Certificate, flags uint32) {
	t.Helper()
	const password = "usher"
	pfx, err := pkcs12.LegacyDES.Encode(key, c, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := windows.UTF16PtrFromString(password)
	if err != nil {
		t.Fatal(err)
	}
	imported, err := windows.PFXImportCertStore(&windows.CryptDataBlob{Size: uint32(len(pfx)), Data: &pfx[0]},
		secret, flags|windows.CRYPT_USER_KEYSET)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, imported)
	context, err := windows.CertEnumCertificatesInStore(imported, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = windows.CertFreeCertificateContext(context) }()

	my := openMy(t)
	defer closeStore(t, my) // Wine saves it then
	if err := windows.CertAddCertificateContextToStore(my, context, windows.CERT_STORE_ADD_NEW, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { uninstall(t, c) })
}

// uninstall removes a certificate from CurrentUser\My, and its key where CNG can.
func uninstall(t *testing.T, c *x509.Certificate) {
	t.Helper()
	my := openMy(t)
	defer closeStore(t, my)
	sum := sha1.Sum(c.Raw)
	hash := windows.CryptHashBlob{Size: uint32(len(sum)), Data: &sum[0]}
	context, err := windows.CertFindCertificateInStore(my, windows.X509_ASN_ENCODING, 0, windows.CERT_FIND_HASH, unsafe.Pointer(&hash), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !onWine() {
		key, err := acquire(context, c.PublicKey.(*rsa.PublicKey))
		if err != nil {
			t.Error(err)
		} else {
			call(t, "NCryptDeleteKey", uintptr(key.handle), silentFlag)
		}
	}
	if err := windows.CertDeleteCertificateFromStore(context); err != nil { // frees it, too
		t.Error(err)
	}
}

func openMy(t *testing.T) windows.Handle {
	t.Helper()
	name, err := windows.UTF16PtrFromString("My")
	if err != nil {
		t.Fatal(err)
	}
	my, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM, 0, 0, windows.CERT_SYSTEM_STORE_CURRENT_USER, uintptr(unsafe.Pointer(name)))
	if err != nil {
		t.Fatal(err)
	}
	return my
}

func closeStore(t *testing.T, store windows.Handle) {
	t.Helper()
	if err := windows.CertCloseStore(store, 0); err != nil {
		t.Error(err)
	}
}

// call calls a function of ncrypt.dll.
func call(t *testing.T, name string, args ...uintptr) {
	t.Helper()
	if status, _, _ := ncrypt.NewProc(name).Call(args...); status != 0 {
		t.Fatalf("%s: %#x", name, status)
	}
}

// privateBlob is a key as CNG imports it. Source:
// https://learn.microsoft.com/windows/win32/api/bcrypt/ns-bcrypt-bcrypt_rsakey_blob.
func privateBlob(key *rsa.PrivateKey) []byte {
	const magic = 0x32415352 // BCRYPT_RSAPRIVATE_MAGIC
	exponent := []byte{1, 0, 1}
	modulus, p, q := key.N.Bytes(), key.Primes[0].Bytes(), key.Primes[1].Bytes()
	var blob []byte
	for _, field := range []int{magic, key.N.BitLen(), len(exponent), len(modulus), len(p), len(q)} {
		blob = binary.LittleEndian.AppendUint32(blob, uint32(field))
	}
	for _, number := range [][]byte{exponent, modulus, p, q} {
		blob = append(blob, number...)
	}
	return blob
}
