package settings

import (
	"strings"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/agent/settings/tree"
)

// checkClear reports a file that is not encrypted and holds a secret, if others can read it. It
// reports encrypted values too: they would be taken for passwords.
func checkClear(path string, root *tree.Node, r *tree.Report) {
	checked := false
	for keys, n := range root.Scalars() {
		key := strings.Join(keys, ".")
		if rsafile.IsSealed(n.Text()) {
			r.Invalid(n.Origin, "%s is encrypted, and this file is not", key).
				WithHint("Move it into %s or %s", encryptedAgentFile, encryptedMainFile)
			continue
		}
		if checked || !tree.IsSecret(keys, n) {
			continue
		}
		checked = true
		if err := durable.CheckPrivate(path); err != nil {
			r.Fault(n.Origin, key+" is a secret in clear", err)
		}
	}
}
