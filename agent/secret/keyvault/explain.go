package keyvault

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher-iga/usher/connectors/sdk/aadsts"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// isAbsent reports whether the vault has no secret of that name.
func isAbsent(err error) bool {
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && answer.StatusCode == http.StatusNotFound && answer.ErrorCode == "SecretNotFound"
}

// explain says why the vault did not give the secret of that name.
func (s *Source) explain(name string, err error) error {
	if f := fault.Of(err); f != nil {
		return s.unreachable(f)
	}
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return fault.Errorf(fault.Unavailable, "the Key Vault %s does not answer as one: %s", s.host, firstLine(err.Error())).
			WithSetting(vaultSetting).WithHint("Copy the Vault URI from the overview page of the Key Vault; a proxy or a firewall may also have answered in its place")
	}
	told := readAnswer(answer.RawResponse)
	f := s.refusal(name, answer.StatusCode, told)
	f.SystemCode = told.Error.code()
	if answer.RawResponse != nil {
		f.RequestID = answer.RawResponse.Header.Get("x-ms-request-id")
	}
	return f.WithSetting(vaultSetting)
}

// unreachable adds to a fault of the way to the vault where it comes from.
func (s *Source) unreachable(f *fault.Error) error {
	if f.Setting != "" {
		return f
	}
	g := *f
	if !strings.Contains(g.Message, "Key Vault") {
		g.Message = "the Key Vault " + s.host + " cannot be asked: " + g.Message
	}
	dns, ok := errors.AsType[*net.DNSError](f)
	if !ok || !strings.Contains(s.host, dns.Name) {
		return &g
	}
	g.Setting = vaultSetting
	return g.WithHint("Check the name of the Key Vault: it may be misspelt or deleted; check DNS, too, and a private endpoint if the vault has one")
}

// refusal makes a fault of an answer that is no secret. Source of the codes:
// https://learn.microsoft.com/azure/key-vault/general/rest-error-codes.
func (s *Source) refusal(name string, status int, told answer) *fault.Error {
	vault := "the Key Vault " + s.host
	switch {
	case status == http.StatusTooManyRequests:
		return fault.Errorf(fault.Throttled, "%s gets too many requests", vault).
			WithHint("Try again in some minutes; see in the vault's metrics who else reads it")
	case status >= http.StatusInternalServerError:
		return fault.Errorf(fault.Unavailable, "%s is down: it answers %d", vault, status).
			WithHint("Try again in some minutes; Azure Service Health tells of outages")
	case status == http.StatusUnauthorized:
		return fault.Errorf(fault.Unauthorized, "%s does not accept the sign-in: %s", vault, told).
			WithHint("The application must be of the vault's own tenant; check the sign-in and the clock of this machine")
	case status == http.StatusForbidden:
		return forbidden(vault, name, told)
	case status == http.StatusNotFound:
		return fault.Errorf(fault.NotFound, "%s answers that it does not exist: %s", vault, told).
			WithHint("Copy the Vault URI from the overview page of the Key Vault")
	}
	return fault.Errorf(fault.Refused, "%s refuses to give the secret %s: it answers %d, %s", vault, name, status, told)
}

// forbidden tells the reasons apart for which a vault answers 403.
func forbidden(vault, name string, told answer) *fault.Error {
	switch told.Error.code() {
	case "SecretDisabled":
		return disabled(vault, name)
	case "ForbiddenByRbac":
		return fault.Errorf(fault.Forbidden, "%s does not let the application read secrets: it has no role", vault).
			WithHint("Give it the role Key Vault Secrets User on the vault (Access control (IAM)); it can take ten minutes to work")
	case "ForbiddenByPolicy", "AccessDenied":
		return fault.Errorf(fault.Forbidden, "%s does not let the application read secrets: no access policy allows it", vault).
			WithHint("Add an access policy with the secret permission Get for the application")
	case "ForbiddenByFirewall", "ForbiddenByConnection":
		return fault.Errorf(fault.Forbidden, "the firewall of %s does not let this machine in", vault).
			WithHint("Add the public address of this machine, or of its proxy, under Networking of the vault, or use a private endpoint")
	}
	if strings.Contains(strings.ToLower(told.Error.Message), "disabled") {
		return disabled(vault, name)
	}
	return fault.Errorf(fault.Forbidden, "%s refuses to give the secret %s: %s", vault, name, told).
		WithHint("Give the application the role Key Vault Secrets User on the vault, and look at the vault's firewall")
}

func disabled(vault, name string) *fault.Error {
	return fault.Errorf(fault.Forbidden, "the secret %s is disabled in %s, or outside of its dates", name, vault).
		WithHint("Enable its current version, or delete the secret so that the settings files count again")
}

// An answer of a vault that holds no secret.
type answer struct {
	Error vaultError `json:"error"`
}

type vaultError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Inner   struct {
		Code string `json:"code"`
	} `json:"innererror"`
}

// code is the most exact one.
func (e vaultError) code() string {
	if e.Inner.Code != "" {
		return e.Inner.Code
	}
	return e.Code
}

func (a answer) String() string {
	if text := firstLine(a.Error.Message); text != "" {
		return text
	}
	return "it gives no reason"
}

func readAnswer(resp *http.Response) (a answer) {
	if resp == nil {
		return answer{}
	}
	body, err := runtime.Payload(resp) // it can be read again
	if err != nil || json.Unmarshal(body, &a) != nil {
		return answer{}
	}
	return a
}

// firstLine cuts texts that come from elsewhere.
func firstLine(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	text, _, _ = strings.Cut(text, ". To troubleshoot, visit ")
	text = strings.TrimRight(strings.TrimSpace(text), ".")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "..."
	}
	return text
}

// explain says why there is no token: sent is the error of the last request, if it had one.
func (s *signer) explain(sent, err error) error {
	refused, _ := errors.AsType[*azidentity.AuthenticationFailedError](err)
	switch {
	case s.Method == ManagedIdentity:
		return s.noIdentity(sent, err)
	case fault.Of(sent) != nil:
		return fault.Of(sent)
	case refused != nil && refused.RawResponse != nil:
		return s.signInRefused(refused.RawResponse)
	}
	return fault.Errorf(fault.Unauthorized, "the sign-in to Key Vault failed: %s", firstLine(err.Error())).
		WithSetting(signInSetting).WithHint("Check the sign-in that AzureKeyVault names")
}

func (s *signer) noIdentity(sent, err error) error {
	if sent != nil {
		return fault.Errorf(fault.Unavailable, "this machine has no managed identity to sign in to Key Vault with: %w", sent).
			WithSetting(signInSetting).WithHint("Turn the identity of the virtual machine on, or install Azure Arc, or choose another sign-in")
	}
	f := fault.Errorf(fault.Unauthorized, "the managed identity cannot sign in to Key Vault: %s", identityAnswer(err)).WithSetting(signInSetting)
	if s.ClientID != "" {
		return f.WithHint("See that the managed identity %s is assigned to this machine, or leave its id out", s.ClientID)
	}
	return f.WithHint("Turn the system-assigned identity of this machine on, or give the client id of the one that is assigned to it")
}

func identityAnswer(err error) string {
	refused, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || refused.RawResponse == nil {
		return firstLine(err.Error())
	}
	told := readSignIn(refused.RawResponse)
	if told.Description == "" {
		return "it answers " + strconv.Itoa(refused.RawResponse.StatusCode)
	}
	return firstLine(told.Description)
}

// signInRefused makes a fault of an answer of the sign-in service without a token.
func (s *signer) signInRefused(resp *http.Response) error {
	return s.about().Refused(resp.StatusCode, readSignIn(resp)).WithSetting(signInSetting)
}

// about says what such an answer is about.
func (s *signer) about() aadsts.SignIn {
	about := aadsts.SignIn{What: "the sign-in to Key Vault", Host: strings.TrimPrefix(s.authority, "https://"), Kind: aadsts.ClientSecret, Names: s.Names}
	switch s.Method {
	case Certificate:
		about.Kind = aadsts.Certificate
	case WorkloadIdentity:
		about.Kind = aadsts.FederatedToken
	}
	return about
}

func readSignIn(resp *http.Response) aadsts.Answer {
	body, err := runtime.Payload(resp)
	if err != nil {
		return aadsts.Answer{}
	}
	return aadsts.Parse(body)
}
