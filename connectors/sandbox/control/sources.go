package control

import (
	"net/http"

	"github.com/usher-iga/usher/connectors/sandbox/cyberark"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/keyvault"
)

// handleSources adds what changes the secrets that programs fetch elsewhere:
// in the key vault and in CyberArk.
func (c *control) handleSources(handle func(method, path string, f http.HandlerFunc)) {
	handle("GET", "/vault/secrets", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"requested": c.Vault.Requested()})
	})
	handle("PUT", "/vault/secrets/{name}", c.putSecret)
	handle("DELETE", "/vault/secrets/{name}", func(w http.ResponseWriter, r *http.Request) {
		c.Vault.Delete(r.PathValue("name"))
		answer(w, nil)
	})
	handle("PUT", "/cyberark/accounts/{object}", c.putAccount)
	handle("DELETE", "/cyberark/accounts/{object}", func(w http.ResponseWriter, r *http.Request) {
		c.CyberArk.Delete(r.PathValue("object"))
		answer(w, nil)
	})
}

// putSecret adds a version of a secret and tells its id.
func (c *control) putSecret(w http.ResponseWriter, r *http.Request) {
	var s keyvault.Secret
	err := faults.Decode(r.Body, &s)
	var version string
	if err == nil {
		version, err = c.Vault.Put(r.PathValue("name"), s)
	}
	if err != nil {
		answer(w, err)
		return
	}
	writeJSON(w, map[string]string{"version": version})
}

func (c *control) putAccount(w http.ResponseWriter, r *http.Request) {
	var account cyberark.Account
	err := faults.Decode(r.Body, &account)
	if err == nil {
		account.Object = r.PathValue("object")
		err = c.CyberArk.Put(account)
	}
	answer(w, err)
}
