package settings

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/agent/secret"
)

// userinfo finds the user information of a URL, with or without a scheme.
var userinfo = regexp.MustCompile(`(://)\S*@|^[^\s/:]+:(?:[^\s/]|/[^/])\S*@`)

// hideUserinfo hides user name and password of a URL.
func hideUserinfo(text string) string {
	return userinfo.ReplaceAllString(text, "${1}"+secret.Hidden+"@")
}

// isSecretKey tells by the name whether a key holds a secret.
func isSecretKey(key string) bool {
	key = fold(key)
	if key == "isprimarykey" || key == "isuniquekey" {
		return false
	}
	return slices.ContainsFunc([]string{"key", "secret", "password", "token", "connectionstring"}, func(end string) bool {
		return strings.HasSuffix(key, end)
	})
}

// isSecretSection tells whether all below a path is secret, whatever the names: the connection
// strings and client secrets of the reference product.
func isSecretSection(path []string) bool {
	return contains([]string{"Databases", "OpenId:OpenIdClients"}, strings.Join(path, ":"))
}

// shown is a value in a message: quoted, short, and hidden if it may be a secret.
func shown(key, value string) string {
	if isSecretKey(key) {
		return secret.Hidden
	}
	const most = 80
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most]) + "..."
	}
	return strconv.Quote(hideUserinfo(value))
}
