package graphapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// openHooks let everything pass.
func openHooks() Hooks {
	return Hooks{
		Authorize: func(string, string) (Principal, error) { return Principal{Roles: DefaultRoles()}, nil },
		Missing:   func(string) bool { return false },
		Expire:    func(string, bool, time.Duration) (ExpiryForm, bool) { return "", false },
		Visible:   func(bool) uint64 { return 0 },
		Repeats:   func() Repeats { return Repeats{} },
		Charge:    func(string, int) (http.Header, bool) { return nil, false },
		Now:       func() time.Time { return time.Unix(1_800_000_000, 0) },
	}
}

// lengthWriter throws a response away and counts its bytes.
type lengthWriter struct {
	header http.Header
	length int64
}

func (w *lengthWriter) Header() http.Header { return w.header }
func (w *lengthWriter) WriteHeader(int)     {}
func (w *lengthWriter) Write(p []byte) (int, error) {
	w.length += int64(len(p))
	return len(p), nil
}

// BenchmarkDeltaPage measures the making of pages, without the network:
// bytes of JSON a second on one core, the target being 300 MB.
func BenchmarkDeltaPage(b *testing.B) {
	config := tenant.DefaultConfig()
	config.Users, config.Groups, config.Memberships = 200_000, 20_000, 2_000_000
	w, err := tenant.New(config)
	if err != nil {
		b.Fatal(err)
	}
	api := New(w, openHooks(), Options{})
	const fifteen = "accountEnabled,city,companyName,country,department,displayName,employeeId,givenName,jobTitle,mail," +
		"mobilePhone,officeLocation,surname,userPrincipalName"
	for _, bm := range []struct{ name, url string }{
		{"users", "/v1.0/users/delta?$select=" + fifteen},
		{"users all default", "/v1.0/users/delta"},
		{"groups", "/v1.0/groups/delta?$select=displayName,description,members"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "https://localhost"+bm.url, nil)
			r.Header.Set("Authorization", "Bearer x")
			for b.Loop() {
				w := &lengthWriter{header: http.Header{}}
				api.ServeHTTP(w, r)
				b.SetBytes(w.length)
			}
		})
	}
}

// BenchmarkMillionUsers tells the memory of a tenant of a million users, which
// does not grow with the users but with the groups.
func BenchmarkMillionUsers(b *testing.B) {
	config := tenant.DefaultConfig()
	config.Users, config.Groups, config.Memberships = 1_000_000, 100_000, 10_000_000
	b.ReportAllocs()
	for b.Loop() {
		w, err := tenant.New(config)
		if err != nil {
			b.Fatal(err)
		}
		New(w, openHooks(), Options{}).ServeHTTP(httptest.NewRecorder(),
			httptest.NewRequest(http.MethodGet, "https://localhost/v1.0/users/delta", io.NopCloser(nil)))
	}
}
