package tree

import (
	"fmt"
	"strings"
)

// Names of layers, as [Origin] gives them. A layer that is a file has the file's base name.
const (
	LayerDefault     = "default"
	LayerKeyVault    = "Azure Key Vault"
	LayerCyberArk    = "CyberArk"
	LayerEnvironment = "environment"
)

// Origin says where a value comes from.
type Origin struct {
	Layer  string // a file's base name, or one of the Layer constants
	File   string // absolute path of the file that gave the value or, for CyberArk, the account's name; otherwise empty
	Line   int    // line of the key in File, from 1; 0 if there is no file
	Column int    // column of the key in File, in characters, from 1
	// Variable is the name of the environment variable, if one gave the value.
	Variable string
	// Item is the name of the vault's secret or of the CyberArk object, if one gave the value.
	Item string
	// Holder is what holds Item: the URL of the vault, the name of the CyberArk safe.
	Holder string
	// Protected is whether the value comes from where secrets are kept: an encrypted file, a vault, CyberArk.
	Protected bool
}

// String gives "file:line", or names the environment variable, secret or account, or the layer.
// Every message about a value starts with it.
func (o Origin) String() string {
	switch {
	case o.Variable != "":
		return "environment variable " + o.Variable
	case o.Layer == LayerKeyVault:
		return "secret " + o.Item + " of Azure Key Vault " + o.Holder
	case o.Layer == LayerCyberArk:
		return "CyberArk object " + o.Item + " (safe " + o.Holder + "), mapped in " + o.place()
	case o.File != "":
		return o.place()
	default:
		return o.Layer
	}
}

func (o Origin) place() string {
	if o.Line == 0 {
		return o.File
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Compare orders origins by file and place, so that problems read from top to bottom.
func (o Origin) Compare(other Origin) int {
	if c := strings.Compare(o.File, other.File); c != 0 {
		return c
	}
	if o.Line != other.Line {
		return o.Line - other.Line
	}
	if o.Column != other.Column {
		return o.Column - other.Column
	}
	return strings.Compare(o.Variable+o.Item, other.Variable+other.Item)
}
