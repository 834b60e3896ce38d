package graphapi

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"sync/atomic"
)

// Identified puts the headers on every response by which support would find
// it: request-id, client-request-id and x-ms-ags-diagnostic.
func Identified(seed uint64, next http.Handler) http.Handler {
	var serial atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		id := requestID(seed, serial.Add(1))
		header.Set("request-id", id)
		if client := r.Header.Get("client-request-id"); client != "" {
			id = client
		}
		header.Set("client-request-id", id)
		header.Set("x-ms-ags-diagnostic",
			`{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"SANDBOX000"}}`)
		header.Set("Cache-Control", "no-cache")
		header.Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}

// requestID makes a GUID of the number of a request.
func requestID(seed, serial uint64) string {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:], uint32(seed))
	binary.BigEndian.PutUint64(b[4:], serial)
	return fmt.Sprintf("%08x-%04x-4000-8000-%012x", b[:4], b[4:6], b[6:])
}
