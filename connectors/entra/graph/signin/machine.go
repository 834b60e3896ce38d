package signin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/entra/graph/cloud"
	"github.com/usher-iga/usher/connectors/entra/setting"
	"github.com/usher-iga/usher/connectors/sdk/aadsts"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// patience is how long the service of managed identities may take: it is on this
// machine or the host below it. Where there is none, the address leads nowhere and an
// ordinary connection would wait for long.
const patience = 5 * time.Second

// Patient returns a Doer that sends by next and gives up a request after 5 seconds. It
// belongs below a [Options.Machine] that repeats.
func Patient(next graph.Doer) graph.Doer { return patient{next} }

type patient struct{ next graph.Doer }

func (p patient) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	resp, err := p.next.Do(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// explainMachine says why there is no token of a managed identity. Source:
// https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling
// and, of servers outside of Azure,
// https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication.
func (w *wire) explainMachine(e cloud.Endpoints, c credential, err error) error {
	f := func(code fault.Code, hint, format string, args ...any) *fault.Error {
		return fault.Errorf(code, format, args...).WithSetting(setting.ManagedIdentity).WithHint("%s", hint)
	}
	text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "ManagedIdentityCredential: "), ". To troubleshoot")
	switch {
	case w.err != nil:
		return f(fault.Unavailable, "Managed identities exist on virtual machines of Azure and on servers that Azure Arc connects. Elsewhere sign in by a certificate",
			"this machine has no managed identity: its service %s cannot be reached: %w", w.host, w.err)
	case w.refused == nil:
		return f(fault.Unavailable, "Check that the identity is on, and that the agent of Azure Arc is up to date", "the machine gave no token for its managed identity: %s", text)
	case w.refused.StatusCode == http.StatusUnauthorized && strings.HasPrefix(w.refused.Header.Get("WWW-Authenticate"), "Basic"):
		return f(fault.Unauthorized, "Put the account that runs Usher into the group himds on Linux, or Hybrid agent extension applications on Windows, and start Usher again",
			"the key of Azure Arc cannot be used: %s", text)
	}

	a := parseMachine(w.body)
	if len(a.Numbers()) > 0 { // Entra's own, handed through
		return refusal(e, c.way, w.refused.StatusCode, a)
	}
	said := strings.TrimRight(a.Description, ".")
	status := w.refused.StatusCode
	switch {
	case strings.Contains(said, "Multiple user assigned identities"):
		return f(fault.Unauthorized, "Put the client ID of the one to use into ApplicationId", "the machine has several managed identities").WithSetting(setting.ApplicationID)
	case (status == http.StatusBadRequest || status == http.StatusNotFound) && c.ClientID != "":
		return f(fault.Unauthorized, "Assign the identity to this machine, or correct ApplicationId: it is the client ID of a user-assigned identity, and empty for that of the machine",
			"the machine has no managed identity %s%s", c.ClientID, inBrackets(said)).WithSetting(setting.ApplicationID)
	case status == http.StatusBadRequest || status == http.StatusNotFound:
		return f(fault.Unauthorized, "Turn on the system-assigned identity of this machine, or put the client ID of a user-assigned one into ApplicationId",
			"the machine has no managed identity of its own%s", inBrackets(said))
	}
	return f(aadsts.CodeOf(status), "Run again later; if it stays so, restart the machine's Azure agent",
		"the service of managed identities on this machine answered %s%s", strconv.Itoa(status), inBrackets(said))
}

// parseMachine reads an answer without a token: {"error", "error_description"}, or {"message"} of some hosts.
func parseMachine(body []byte) aadsts.Answer {
	a := aadsts.Parse(body)
	if a.Description != "" {
		return a
	}
	var other struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &other) == nil { // what cannot be read is not told
		a.Description = other.Message
	}
	return a
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
