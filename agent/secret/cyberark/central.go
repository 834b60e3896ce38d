package cyberark

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
	"github.com/usher-iga/usher/connectors/sdk/transport"
)

// The settings that errors name.
const (
	serverSetting = "CyberArk:Server"
	appSetting    = "CyberArk:ApplicationId"
	safeSetting   = "CyberArk:SafeName"
)

// maxAnswer bounds an answer.
const maxAnswer = 1 << 20

// Central says where the Central Credential Provider is and what is asked of it.
type Central struct {
	Server string // https://HOST; a path replaces /AIMWebService
	AppID  string // of the application as CyberArk knows it; no secret
	Safe   string
}

// NewCentral makes a Provider that asks by way, whose client certificate, if it has one, is how
// CyberArk knows us. Errors are [fault.Invalid]; nothing is sent yet.
func NewCentral(c Central, way *transport.Transport, k clock.Clock) (Provider, error) {
	address, err := addressOf(c.Server)
	if err != nil {
		return nil, err
	}
	if err := checkNames(c.AppID, c.Safe); err != nil {
		return nil, err
	}
	return &central{appID: c.AppID, safe: c.Safe, address: address, way: way, clock: k}, nil
}

func checkNames(appID, safe string) error {
	if err := checkName("application id for CyberArk", appID, appSetting); err != nil {
		return err
	}
	return checkName("safe of CyberArk", safe, safeSetting)
}

func addressOf(server string) (*url.URL, error) {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.Errorf(fault.Invalid, "%q is not the address of CyberArk's Central Credential Provider", server).
			WithSetting(serverSetting).WithHint("Give an address such as https://cyberark.example.com")
	}
	path := strings.TrimSuffix(u.Path, "/")
	if path == "" {
		path = "/AIMWebService"
	}
	if !strings.HasSuffix(strings.ToLower(path), "/api/accounts") {
		path += "/api/Accounts"
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// central asks the Central Credential Provider. Source: CyberArk, Central Credential
// Provider, "Call the Central Credential Provider Web Service using REST".
type central struct {
	appID, safe string
	address     *url.URL
	way         *transport.Transport
	clock       clock.Clock
}

// Account is that of [Provider].
func (c *central) Account(ctx context.Context, object string) (Account, error) {
	if err := checkName("CyberArk object", object, ""); err != nil {
		return Account{}, err
	}
	return patiently(ctx, c.clock, object, func(ctx context.Context) (Account, error) { return c.ask(ctx, object) })
}

func (c *central) ask(ctx context.Context, object string) (Account, error) {
	u := *c.address
	// A plus sign stands for itself there.
	u.RawQuery = strings.ReplaceAll(url.Values{"AppID": {c.appID}, "Safe": {c.safe}, "Object": {object}}.Encode(), "+", "%20")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return Account{}, fault.Errorf(fault.Internal, "ask CyberArk: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.way.Do(req)
	if err != nil {
		return Account{}, c.unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Account{}, fault.Errorf(fault.Unavailable, "the answer of CyberArk at %s broke off: %w", u.Host, err).
			WithSetting(serverSetting).WithHint("Try again")
	}
	if resp.StatusCode != http.StatusOK {
		return Account{}, c.refusal(object, resp.StatusCode, body)
	}
	var a centralAccount
	if err := json.Unmarshal(body, &a); err != nil || a.Content == nil {
		return Account{}, c.noProvider(resp.StatusCode) // the error may quote a password
	}
	if strings.EqualFold(a.Changing, "true") {
		return Account{}, errChanging
	}
	return Account{Username: a.UserName, Content: secret.New(*a.Content), Address: a.Address}, nil
}

// unreachable adds to a fault of the way to CyberArk where it leads.
func (c *central) unreachable(err error) error {
	f := fault.Of(err)
	if f == nil {
		return err // that of a context
	}
	told := *f
	told.Message = "CyberArk at " + c.address.Host + " cannot be asked: " + f.Message
	if told.Setting == "" {
		told.Setting = serverSetting
	}
	return &told
}

// centralAccount is an answer. All values are strings.
type centralAccount struct {
	Content  *string `json:"Content"`
	UserName string  `json:"UserName"`
	Address  string  `json:"Address"`
	Changing string  `json:"PasswordChangeInProcess"`
}

func (c *central) refusal(object string, status int, body []byte) error {
	var told struct{ ErrorCode, ErrorMsg string }
	if err := json.Unmarshal(body, &told); err != nil || told.ErrorCode == "" {
		if status >= http.StatusInternalServerError {
			return fault.Errorf(fault.Unavailable, "CyberArk's Central Credential Provider %s is down: it answers %d", c.address.Host, status).
				WithSetting(serverSetting).WithHint("Try again in some minutes; see the event log of that server")
		}
		return c.noProvider(status)
	}
	return refusal{object: object, safe: c.safe, appID: c.appID, from: "CyberArk's Central Credential Provider " + c.address.Host, code: told.ErrorCode, text: told.ErrorMsg}.fault()
}

func (c *central) noProvider(status int) error {
	if status == http.StatusForbidden || status == http.StatusUnauthorized {
		return fault.Errorf(fault.Unauthorized, "CyberArk at %s does not let this machine in: it answers %d", c.address.Host, status).
			WithSetting(serverSetting).WithHint("See that the settings under CyberArk name a client certificate, and that the server trusts the authority that issued it")
	}
	return fault.Errorf(fault.Invalid, "%s does not answer as CyberArk's Central Credential Provider does: it answers %d", c.address.Host, status).
		WithSetting(serverSetting).WithHint("Check the address; https://HOST stands for https://HOST/AIMWebService")
}
