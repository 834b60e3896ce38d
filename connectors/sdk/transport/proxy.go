package transport

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// proxy decides which requests go through the configured proxy.
type proxy struct {
	url   *url.URL // nil for none
	route func(*url.URL) (*url.URL, error)
}

func newProxy(text string, bypass []string) (*proxy, error) {
	if text == "" {
		return &proxy{route: func(*url.URL) (*url.URL, error) { return nil, nil }}, nil
	}
	u, err := url.Parse(text)
	// The text stays out of the message: it may hold a password, which a misplaced
	// character can put anywhere in it.
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fault.Errorf(fault.Invalid, "Proxy is not the URL of an HTTP proxy").
			WithSetting("Proxy").
			WithHint("Give a URL such as http://user:password@proxy.example.com:8080; special characters of the password are written as %%40 for @ and so on")
	}
	// The environment's proxy variables are not read: settings alone decide.
	config := httpproxy.Config{HTTPProxy: text, HTTPSProxy: text, NoProxy: strings.Join(bypass, ",")}
	return &proxy{url: u, route: config.ProxyFunc()}, nil
}

func (p *proxy) forRequest(req *http.Request) (*url.URL, error) { return p.route(req.URL) }

// used reports whether requests to target go through the proxy.
func (p *proxy) used(target *url.URL) bool {
	via, err := p.route(target)
	return err == nil && via != nil
}
