package trial_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// canary is a secret that no command, log, error, crash dump, process list,
// environment or file of the agent may show, in whatever encoding (C6).
type canary struct{ name, text string }

// forms gives the text and its encodings: as in URLs, in JSON, and in base64 at each
// of the three places at which it can stand in a longer text.
func (c canary) forms() map[string]string {
	quoted, _ := json.Marshal(c.text) // a text can always be encoded
	forms := map[string]string{
		"clear": c.text, "query": url.QueryEscape(c.text), "path": url.PathEscape(c.text),
		"JSON": strings.Trim(string(quoted), `"`), "quoted": strings.Trim(strconv.Quote(c.text), `"`),
	}
	for at := range 3 {
		padded := strings.Repeat("x", at) + c.text
		encoded := base64.RawStdEncoding.EncodeToString([]byte(padded))
		from, to := (at*8+5)/6, len(padded)*8/6 // what depends on the text alone
		forms["base64 at "+strconv.Itoa(at)] = encoded[from:to]
		forms["base64url at "+strconv.Itoa(at)] = base64.RawURLEncoding.EncodeToString([]byte(padded))[from:to]
	}
	return forms
}

// seen tells in which forms the canaries stand in a text.
func seen(text []byte, canaries []canary) []string {
	var found []string
	for _, c := range canaries {
		for form, needle := range c.forms() {
			if bytes.Contains(text, []byte(needle)) {
				found = append(found, c.name+" ("+form+")")
			}
		}
	}
	return found
}
