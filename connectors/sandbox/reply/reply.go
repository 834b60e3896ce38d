// Package reply holds what the answers of the sandbox's services share.
package reply

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
)

// JSON answers with a status and a body that is encoded whole before anything
// is sent. Nothing of it may be kept by a cache.
func JSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	// An error here means that the client is gone.
	_, _ = w.Write(b)
}

// NewID is a random GUID.
func NewID() string {
	var b [16]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
