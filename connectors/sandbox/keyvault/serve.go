package keyvault

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/reply"
)

// Owns says whether a path is one of a vault's.
func Owns(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return strings.EqualFold(first, "secrets")
}

// apiVersion is the form of the versions of the protocol: 7.6 or 2025-07-01.
var apiVersion = regexp.MustCompile(`^(\d\.\d|\d{4}-\d\d-\d\d)(-preview[.\d]*)?$`)

// ServeHTTP answers GET /secrets/{name}[/{version}]. It checks, in the order in
// which the real service does: the token, the right, the request.
func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-ms-keyvault-region", "westeurope")
	w.Header().Set("x-ms-keyvault-service-version", "1.9.2000.1")
	w.Header().Set("x-ms-request-id", reply.NewID())
	if id := r.Header.Get("x-ms-client-request-id"); id != "" {
		w.Header().Set("x-ms-client-request-id", id)
	}
	trouble := v.next()
	if trouble.Down == "reset" {
		v.hooks.Reset(r)
		return
	}
	body, err := v.answer(r, trouble)
	if err == nil {
		reply.JSON(w, http.StatusOK, body)
		return
	}
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = fail(http.StatusInternalServerError, "InternalServerError", "", "%v", err)
	}
	if f.status == http.StatusUnauthorized {
		authorization, resource := v.hooks.Challenge(r.Host)
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization="%s", resource="%s"`, authorization, resource))
	}
	if f.status == http.StatusTooManyRequests && trouble.RetryAfter != "" {
		w.Header().Set("Retry-After", trouble.RetryAfter)
	}
	reply.JSON(w, f.status, f.body())
}

func (v *Vault) answer(r *http.Request, trouble Trouble) (*secretBody, error) {
	switch {
	case trouble.Down == "unavailable":
		return nil, fail(http.StatusServiceUnavailable, "ServiceUnavailable", "", "The service is temporarily unavailable.")
	case trouble.Throttled != 0:
		return nil, fail(http.StatusTooManyRequests, "Throttled", "VaultRequestTypeLimitReached",
			"Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached")
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return nil, fail(http.StatusUnauthorized, "Unauthorized", "", "AKV10000: Request is missing a Bearer or PoP token.")
	}
	caller, err := v.hooks.Authorize(token, r.Host)
	if err != nil {
		return nil, fail(http.StatusUnauthorized, "Unauthorized", "", "%v", err)
	}
	name, id, err := parse(r)
	if err != nil {
		return nil, err
	}
	if err := denied(trouble.Denied, caller, r, name); err != nil {
		return nil, err
	}
	s, err := v.find(name, id)
	switch {
	case errors.Is(err, errDisabled):
		return nil, fail(http.StatusForbidden, "Forbidden", "SecretDisabled", "Operation get is not allowed on a disabled secret.")
	case err != nil:
		if id != "" {
			name += "/" + id
		}
		return nil, fail(http.StatusNotFound, "SecretNotFound", "",
			"A secret with (name/id) %s was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182", name)
	}
	return s.body(r.Host), nil
}

// parse reads a request for one secret.
func parse(r *http.Request) (name, id string, err error) {
	switch asked := r.URL.Query().Get("api-version"); {
	case asked == "":
		return "", "", fail(http.StatusBadRequest, "BadParameter", "", "api-version must be specified")
	case !apiVersion.MatchString(asked):
		return "", "", fail(http.StatusBadRequest, "BadParameter", "", "The specified version (%s) is not recognized. Consider using the latest supported version (2025-07-01).", asked)
	}
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(segments) < 2 || len(segments) > 3 || !strings.EqualFold(segments[0], "secrets") {
		return "", "", fail(http.StatusNotFound, "NotFound", "", "The sandbox's vault knows /secrets/{name} and /secrets/{name}/{version} alone.")
	}
	if r.Method != http.MethodGet {
		return "", "", fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "", "The sandbox's secrets are changed by its control API.")
	}
	if name = segments[1]; !secretName.MatchString(name) {
		return "", "", fail(http.StatusBadRequest, "BadParameter", "", "The request URI contains an invalid name: %s", name)
	}
	if len(segments) == 3 {
		id = segments[2]
	}
	return name, id, nil
}

// denied words a refusal of all access.
func denied(by string, caller Caller, r *http.Request, name string) error {
	vault, _, _ := strings.Cut(r.Host, ".")
	who := fmt.Sprintf("appid=%s;oid=%s;iss=https://sts.windows.net/%s/", caller.AppID, caller.AppID, caller.TenantID)
	switch by {
	case "rbac":
		return fail(http.StatusForbidden, "Forbidden", "ForbiddenByRbac",
			"Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: %s\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: '/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/sandbox/providers/microsoft.keyvault/vaults/%s/secrets/%s'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\nVault: %s;location=westeurope\r\n",
			who, vault, name, vault)
	case "policy":
		return fail(http.StatusForbidden, "Forbidden", "ForbiddenByPolicy",
			"The user, group or application '%s' does not have secrets get permission on key vault '%s;location=westeurope'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287", who, vault)
	case "firewall":
		address, _, _ := net.SplitHostPort(r.RemoteAddr) // none is told as none
		return fail(http.StatusForbidden, "Forbidden", "ForbiddenByFirewall",
			"Client address is not authorized and caller is not a trusted service.\r\nClient address: %s\r\nCaller: %s\r\nVault: %s;location=westeurope", address, who, vault)
	}
	return nil
}

// failure is an error as the vault tells it.
type failure struct {
	status               int
	code, inner, message string
}

func fail(status int, code, inner, format string, args ...any) *failure {
	return &failure{status, code, inner, fmt.Sprintf(format, args...)}
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func (f *failure) body() map[string]any {
	body := map[string]any{"code": f.code, "message": f.message}
	if f.inner != "" {
		body["innererror"] = map[string]any{"code": f.inner}
	}
	return map[string]any{"error": body}
}

// secretBody is a secret as the vault tells it; times are seconds of Unix.
type secretBody struct {
	Value       string         `json:"value"`
	ContentType string         `json:"contentType,omitempty"`
	ID          string         `json:"id"`
	Attributes  attributes     `json:"attributes"`
	Tags        map[string]any `json:"tags"`
}

type attributes struct {
	Enabled         bool   `json:"enabled"`
	NotBefore       *int64 `json:"nbf,omitempty"`
	Expires         *int64 `json:"exp,omitempty"`
	Created         int64  `json:"created"`
	Updated         int64  `json:"updated"`
	RecoveryLevel   string `json:"recoveryLevel"`
	RecoverableDays int    `json:"recoverableDays"`
}

func (s *version) body(host string) *secretBody {
	return &secretBody{
		Value: s.Value, ContentType: s.ContentType,
		ID: "https://" + host + "/secrets/" + s.name + "/" + s.id,
		Attributes: attributes{
			Enabled: true, NotBefore: seconds(s.NotBefore), Expires: seconds(s.Expires),
			Created: s.created.Unix(), Updated: s.created.Unix(),
			RecoveryLevel: "Recoverable+Purgeable", RecoverableDays: 90,
		},
		Tags: map[string]any{},
	}
}

func seconds(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	unix := t.Unix()
	return &unix
}
