package server

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Ready is what a client needs to know, and the content of the ready file.
type Ready struct {
	URL             string `json:"url"`       // of the Graph, without a version
	Authority       string `json:"authority"` // of the sign-in, without the tenant
	CAFile          string `json:"caFile,omitempty"`
	TenantID        string `json:"tenantId"`
	TenantType      string `json:"tenantType"`
	Domain          string `json:"domain"`
	ClientID        string `json:"clientId"`
	ClientSecret    string `json:"clientSecret"`
	SecretID        string `json:"secretId"` // of ClientSecret
	ExpiredSecret   string `json:"expiredSecret"`
	CertificateFile string `json:"certificateFile,omitempty"`
	Control         string `json:"control"`

	// Cloud is the tenant's; the addresses are the real names of its services,
	// which are served to whoever sends them here.
	Cloud          string `json:"cloud"`
	CloudAuthority string `json:"cloudAuthority"`
	CloudGraph     string `json:"cloudGraph"`
	CloudVault     string `json:"cloudVault"`

	// Vault is the key vault and CCP CyberArk's Central Credential Provider.
	Vault              string `json:"vault"`
	CCP                string `json:"ccp"`
	CCPCertificateFile string `json:"ccpCertificateFile,omitempty"`

	// FederatedFile holds a token of the issuer for the subject.
	FederatedFile    string `json:"federatedTokenFile,omitempty"`
	FederatedIssuer  string `json:"federatedIssuer"`
	FederatedSubject string `json:"federatedSubject"`

	// IMDS is where managed identities are served, over plain HTTP.
	IMDS            string `json:"imds,omitempty"`
	IdentityHeader  string `json:"identityHeader,omitempty"`
	ManagedClientID string `json:"managedClientId"`
}

// WriteReady writes the ready file, whole or not at all.
func WriteReady(file string, ready Ready) (err error) {
	b, err := json.MarshalIndent(ready, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode the ready file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of the ready file: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".ready-*")
	if err != nil {
		return fmt.Errorf("cannot write the ready file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	if _, err := temp.Write(append(b, '\n')); err != nil {
		_ = temp.Close()
		return fmt.Errorf("cannot write the ready file: %w", err)
	}
	if err := temp.Close(); err != nil {
		return fmt.Errorf("cannot write the ready file: %w", err)
	}
	if err := os.Rename(temp.Name(), file); err != nil {
		return fmt.Errorf("cannot write the ready file: %w", err)
	}
	return nil
}
