package settings

import (
	"strings"

	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/agent/settings/tree"
)

// EncryptFile returns the content of a settings file with every value in it replaced by what seal
// makes of its text, as appsettings.encrypted.agent.json holds it: the same keys in the same order,
// without comments. Values that are encrypted already stay, and so does $schema. name is the file's
// path for messages. A file that names the certificate to open encrypted values with is refused. The error
// is a [Problems], or that of seal.
func EncryptFile(name string, content []byte, seal func(text string) (string, error)) ([]byte, error) {
	return rewrite(name, content, checkSealable, func(n *tree.Node) (string, error) {
		if rsafile.IsSealed(n.Text()) {
			return n.Text(), nil
		}
		return seal(n.Text())
	})
}

// RotateFile returns the content of an encrypted settings file with every value opened and sealed
// anew. Its errors are those of [EncryptFile], and one for each value that cannot be opened.
func RotateFile(name string, content []byte, open func(value string) (secret.String, error), seal func(text string) (string, error)) ([]byte, error) {
	anything := func(*tree.Node, *tree.Report) {}
	return rewrite(name, content, anything, func(n *tree.Node) (string, error) {
		text, err := open(n.Text())
		if err != nil {
			return "", err
		}
		return seal(text.Reveal())
	})
}

// checkSealable reports the section EncryptionCertificate: encrypted, it would lock the agent out.
func checkSealable(root *tree.Node, r *tree.Report) {
	section := root.Find(layer.EncryptionSection)
	if section == nil {
		return
	}
	for path, n := range section.Scalars() {
		if n.Text() == "" {
			continue
		}
		r.Invalid(n.Origin, "%s.%s cannot be encrypted: it is needed to open encrypted values", layer.EncryptionSection, strings.Join(path, ".")).
			WithHint("Leave %s in clear in appsettings.json, move the secrets of this file into %s and encrypt that; a password of the certificate can be given by the variable %[1]s__Password",
				layer.EncryptionSection, agentFile)
		return
	}
}

// rewrite replaces the values of a settings file that check finds nothing wrong with.
func rewrite(name string, content []byte, check func(*tree.Node, *tree.Report), value func(*tree.Node) (string, error)) ([]byte, error) {
	var r tree.Report
	var root *tree.Node
	if file := tree.NewFile(name, name, content, &r); file != nil {
		root = tree.ReadJSON(file, &r)
	}
	if root != nil {
		check(root, &r)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	for path, n := range root.Scalars() {
		if len(path) == 1 && path[0] == layer.SchemaKey {
			continue
		}
		text, err := value(n)
		if err != nil {
			r.Fault(n.Origin, strings.Join(path, "."), err)
			continue
		}
		n.SetText(secret.New(text))
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return root.JSON()
}
