package settings

import (
	"net/url"
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/settings/tree"
)

// Proxy is the HTTP proxy that all requests go through. The zero value means none.
type Proxy struct {
	Address  string // http or https URL without user information; empty: no proxy
	Username string
	Password secret.String
	Bypass   []string // what goes past the proxy: "host", ".suffix", "10.0.0.0/8", "*", each with an optional ":port"
	Origin   Origin
}

// URL returns the address with user name and password, as HTTP clients take it; the empty secret
// if there is no proxy.
func (p Proxy) URL() secret.String {
	scheme, host, ok := strings.Cut(p.Address, "://")
	if !ok || p.Username == "" && p.Password.IsEmpty() {
		return secret.New(p.Address)
	}
	full := url.URL{Scheme: scheme, Host: host, User: url.UserPassword(p.Username, p.Password.Reveal())}
	return secret.New(full.String())
}

// proxy reads the root key Proxy: an address, or an object. Without it the variables HTTPS_PROXY
// and NO_PROXY count.
func proxy(s tree.Section, environ []string) Proxy {
	n := s.Node.Find("Proxy")
	switch {
	case n == nil:
		return environmentProxy(s, environ)
	case n.IsScalar():
		return proxyAddress(s, "Proxy", n.Text(), n.Origin)
	}
	s = s.Child("Proxy")
	s.Unknown(proxyKeys)
	address, at := s.Text("Address", "")
	if address == "" {
		s.Invalid(n.Origin, "Proxy has no Address").WithHint(`Write "Address": "http://proxy.example:3128", or remove Proxy`)
	}
	p := proxyAddress(s, "Proxy.Address", address, at)
	p.Origin = n.Origin
	for _, item := range s.List("Bypass") {
		p.Bypass = append(p.Bypass, strings.FieldsFunc(item.Text, isListSpace)...)
	}
	username, password := s.Scalar("Username"), s.Scalar("Password")
	if (username != nil || password != nil) && p.Username != "" {
		s.Invalid(n.Origin, "Proxy has a user name in its Address and beside it").WithHint("Keep Username and Password and take them out of Address")
	}
	if username != nil {
		p.Username = username.Text()
	}
	if password != nil {
		p.Password = password.Secret()
	}
	if !p.Password.IsEmpty() && p.Username == "" {
		s.Invalid(n.Origin, "Proxy has a Password and no Username").WithHint(`Add "Username"`)
	}
	return p
}

// environmentProxy reads HTTPS_PROXY and NO_PROXY.
func environmentProxy(s tree.Section, environ []string) Proxy {
	address, variable := tree.Lookup(environ, "HTTPS_PROXY")
	if address == "" {
		return Proxy{}
	}
	at := Origin{Layer: LayerEnvironment, Variable: variable}
	p := proxyAddress(s, variable, address, at)
	bypass, _ := tree.Lookup(environ, "NO_PROXY")
	p.Bypass = strings.FieldsFunc(bypass, isListSpace)
	s.SetDefault("Proxy", tree.Text, address)
	s.Node.Find("Proxy").Origin = at
	return p
}

func isListSpace(r rune) bool { return r == ',' || r == ';' || r == ' ' }

// proxyAddress takes an address apart. It never shows the address, which may hold a password.
func proxyAddress(s tree.Section, name, address string, at Origin) Proxy {
	if address == "" {
		return Proxy{Origin: at}
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		s.Invalid(at, "%s is not the address of a proxy", name).
			WithHint("Write it as http://host:port; put user name and password into Proxy.Username and Proxy.Password")
		return Proxy{Origin: at}
	}
	password, _ := u.User.Password()
	return Proxy{
		Address:  u.Scheme + "://" + u.Host,
		Username: u.User.Username(),
		Password: secret.New(password),
		Origin:   at,
	}
}
