package tenant

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
)

// idCipher turns references into ids and back without a table: an id is the
// reference, enciphered with a key from the seed.
type idCipher struct{ block cipher.Block }

// idMark fills the part of the plain text that carries no information; text
// that deciphers to another mark was never an id of this tenant.
const idMark = 0x5573_6865

func newIDCipher(seed uint64) (idCipher, error) {
	var key [16]byte
	binary.BigEndian.PutUint64(key[:8], mix(seed, saltOf("id key 1")))
	binary.BigEndian.PutUint64(key[8:], mix(seed, saltOf("id key 2")))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return idCipher{}, fmt.Errorf("cannot make the id cipher: %w", err)
	}
	return idCipher{block: block}, nil
}

// seal writes the 16 bytes of the id of number n of the space s.
func (c idCipher) seal(dst []byte, space byte, n uint64) {
	dst[0], dst[1], dst[2], dst[3] = space, 0, 0, 0
	binary.BigEndian.PutUint32(dst[4:], idMark)
	binary.BigEndian.PutUint64(dst[8:], n)
	c.block.Encrypt(dst, dst)
}

// open is the reverse of seal. It changes b.
func (c idCipher) open(b []byte) (space byte, n uint64, ok bool) {
	c.block.Decrypt(b, b)
	if b[1]|b[2]|b[3] != 0 || binary.BigEndian.Uint32(b[4:]) != idMark {
		return 0, 0, false
	}
	return b[0], binary.BigEndian.Uint64(b[8:]), true
}

// The id spaces that are no kind: further GUIDs of an object.
const (
	spaceAppID byte = 0x40 + iota
	spaceDeviceID
	spaceImmutable
	spaceTenant
	spaceClient
	spaceAssignment
	spaceGrant
)

// appendGUID appends b, 16 bytes, in the usual form of a GUID. The hex digits
// come in the order of the bytes, so that text and bytes sort alike.
func appendGUID(dst, b []byte) []byte {
	dst = hex.AppendEncode(dst, b[:4])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, b[4:6])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, b[6:8])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, b[8:10])
	dst = append(dst, '-')
	return hex.AppendEncode(dst, b[10:16])
}

// parseGUID reads a GUID in its usual form, in either case of letters.
func parseGUID(s string) (b [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return b, false
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	_, err := hex.Decode(b[:], []byte(digits))
	return b, err == nil
}

// appendNumbered appends the GUID of number n of a space.
func (w *World) appendNumbered(dst []byte, space byte, n uint64) []byte {
	var b [16]byte
	w.ids.seal(b[:], space, n)
	return appendGUID(dst, b[:])
}

// AppendID appends the object's id: a GUID, which for the organization is the
// tenant's; for a permission grant the text that Graph builds from client,
// resource and principal, and for one that a request has made, like for an app
// role assignment, a text of its form; for a SKU, the tenant's id and the SKU's.
func (w *World) AppendID(dst []byte, r Ref) []byte {
	switch r.Kind {
	case PermissionGrant:
		if made := w.overlay.records[r.Kind][r.Index]; made != nil && made.blank {
			return w.appendPaired(dst, PermissionGrant, spaceGrant, r.Index)
		}
		return w.appendGrantID(dst, r.Index)
	case Organization:
		return append(dst, w.config.TenantID...)
	case AppRoleAssignment:
		return w.appendPaired(dst, AppRoleAssignment, spaceAssignment, r.Index)
	case Sku:
		return w.appendSkuID(dst, r.Index)
	}
	return w.appendNumbered(dst, byte(r.Kind), uint64(r.Index))
}

// ID is the object's id as a string.
func (w *World) ID(r Ref) string { return string(w.AppendID(nil, r)) }

// openID returns the object that a GUID belongs to, which may never have been.
func (w *World) openID(id string) (Ref, bool) {
	b, ok := parseGUID(id)
	if !ok {
		return Ref{}, false
	}
	space, n, ok := w.ids.open(b[:])
	if !ok || space == 0 || space > byte(Organization) || n > math.MaxUint32 {
		return Ref{}, false
	}
	return Ref{Kind: Kind(space), Index: uint32(n)}, true
}

// grantParties are the client and the resource of a permission grant, service
// principals, and the user it is for. The pair of the first two is unique.
func (w *World) grantParties(index uint32) (client, resource, principal Ref) {
	apps := uint32(w.counts[ServicePrincipal])
	client = Ref{ServicePrincipal, index % apps}
	resource = Ref{ServicePrincipal, index / apps % apps}
	if users := uint32(w.counts[User]); users > 0 {
		principal = Ref{User, index % users}
	}
	return client, resource, principal
}

// forEverybody says whether a grant is for all users instead of for one.
func forEverybody(index uint32) bool { return index%3 == 0 }

func (w *World) appendGrantID(dst []byte, index uint32) []byte {
	client, resource, principal := w.grantParties(index)
	var b [48]byte
	w.ids.seal(b[:16], byte(client.Kind), uint64(client.Index))
	w.ids.seal(b[16:32], byte(resource.Kind), uint64(resource.Index))
	size := 32
	if !forEverybody(index) && principal.Kind == User {
		w.ids.seal(b[32:], byte(principal.Kind), uint64(principal.Index))
		size = 48
	}
	return base64.RawURLEncoding.AppendEncode(dst, b[:size])
}

func (w *World) findGrant(id string) (Ref, bool) {
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(b) < 32 || w.counts[ServicePrincipal] == 0 {
		return Ref{}, false
	}
	_, client, ok := w.ids.open(b[:16])
	space, resource, ok2 := w.ids.open(b[16:32])
	if !ok || !ok2 {
		return Ref{}, false
	}
	if space == spaceGrant {
		made := Ref{PermissionGrant, uint32(resource)}
		return made, w.ID(made) == id
	}
	apps := uint64(w.counts[ServicePrincipal])
	index := resource*apps + client
	if index > math.MaxUint32 || string(w.appendGrantID(nil, uint32(index))) != id {
		return Ref{}, false
	}
	return Ref{PermissionGrant, uint32(index)}, true
}

// appendPaired appends the text of two GUIDs, both of which stand for an index.
func (w *World) appendPaired(dst []byte, k Kind, space byte, index uint32) []byte {
	var b [32]byte
	w.ids.seal(b[:16], byte(k), uint64(index))
	w.ids.seal(b[16:], space, uint64(index))
	return base64.RawURLEncoding.AppendEncode(dst, b[:])
}

func (w *World) findAssignment(id string) (Ref, bool) {
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(b) != 32 {
		return Ref{}, false
	}
	space, n, ok := w.ids.open(b[16:])
	r := Ref{AppRoleAssignment, uint32(n)}
	if !ok || space != spaceAssignment || w.ID(r) != id {
		return Ref{}, false
	}
	return r, true
}
