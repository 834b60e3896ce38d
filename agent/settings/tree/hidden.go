package tree

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/agent/secret"
)

// userinfo finds the user information of a URL, with or without a scheme.
var userinfo = regexp.MustCompile(`(://)\S*@|^[^\s/:]+:(?:[^\s/]|/[^/])\S*@`)

// HideUserinfo hides user name and password of a URL.
func HideUserinfo(text string) string {
	return userinfo.ReplaceAllString(text, "${1}"+secret.Hidden+"@")
}

// IsSecretKey tells by the name whether a key holds a secret.
func IsSecretKey(key string) bool {
	key = fold(key)
	if key == "isprimarykey" || key == "isuniquekey" {
		return false
	}
	return slices.ContainsFunc([]string{"key", "secret", "password", "token", "connectionstring"}, func(end string) bool {
		return strings.HasSuffix(key, end)
	})
}

// IsSecretSection tells whether all below a path is secret, whatever the names: the connection
// strings and client secrets of the reference product.
func IsSecretSection(path []string) bool {
	return Contains([]string{"Databases", "OpenId:OpenIdClients"}, strings.Join(path, ":"))
}

// IsSecret tells whether the scalar n at a path may be a secret: by its key, its section, or as a
// URL with a password. An empty text is none.
func IsSecret(path []string, n *Node) bool {
	switch {
	case n.Text() == "":
		return false
	case IsSecretKey(KeyOf(path)) || HideUserinfo(n.Text()) != n.Text():
		return true
	}
	for i := range path {
		if IsSecretSection(path[:i]) {
			return true
		}
	}
	return false
}

// KeyOf returns the key that the value at a path belongs to: the last name that is no index of a list.
func KeyOf(path []string) string {
	for _, name := range slices.Backward(path) {
		if _, isItem := index(name); !isItem {
			return name
		}
	}
	return ""
}

// Shown is a value in a message: quoted, short, and hidden if it may be a secret.
func Shown(key, value string) string {
	if IsSecretKey(key) {
		return secret.Hidden
	}
	const most = 80
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most]) + "..."
	}
	return strconv.Quote(HideUserinfo(value))
}
