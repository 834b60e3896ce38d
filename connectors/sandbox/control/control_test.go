package control

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/cyberark"
	"github.com/usher-iga/usher/connectors/sandbox/entraid"
	"github.com/usher-iga/usher/connectors/sandbox/faults"
	"github.com/usher-iga/usher/connectors/sandbox/keyvault"
	"github.com/usher-iga/usher/connectors/sandbox/replica"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

func TestOnlyLocalCallers(t *testing.T) {
	w, err := tenant.New(tenant.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	copied := replica.New(time.Now, func() replica.Lag { return replica.Lag{} })
	h := New(Parts{
		World: w, Replica: copied, Faults: faults.New(1, faults.Settings{}, time.Now, nil), Counters: NewCounters(),
		SignIn: &entraid.Authority{}, Vault: &keyvault.Vault{}, CyberArk: &cyberark.Provider{}, Clock: NewClock(time.Now),
	})
	for address, want := range map[string]int{
		"127.0.0.1:5":   http.StatusOK,
		"[::1]:5":       http.StatusOK,
		"192.0.2.1:5":   http.StatusForbidden,
		"[2001:db8::]:": http.StatusForbidden,
		"":              http.StatusForbidden,
	} {
		r := httptest.NewRequest(http.MethodGet, Prefix+"/counters", nil)
		r.RemoteAddr = address
		response := httptest.NewRecorder()
		h.ServeHTTP(response, r)
		if response.Code != want {
			t.Errorf("%q gets %d, want %d", address, response.Code, want)
		}
	}
}
