package signin

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// Claims are what an access token says about itself. They are read for an admin's
// information alone and prove nothing: the signature is not looked at.
type Claims struct {
	TenantID string   // where the token is good
	ClientID string   // of the application that it was given to
	Roles    []string // the application permissions, by name
}

// ReadClaims reads an access token, which is opaque by contract but in practice a JSON Web
// Token (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
// It returns nil if the token is none.
func ReadClaims(token string) *Claims {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var payload struct {
		TenantID string   `json:"tid"`
		AppID    string   `json:"appid"` // of version 1.0 tokens, as those for Graph are
		Azp      string   `json:"azp"`   // of version 2.0 tokens
		Roles    []string `json:"roles"`
	}
	if json.Unmarshal(text, &payload) != nil || payload.TenantID == "" {
		return nil
	}
	if payload.AppID == "" {
		payload.AppID = payload.Azp
	}
	return &Claims{TenantID: payload.TenantID, ClientID: payload.AppID, Roles: payload.Roles}
}
