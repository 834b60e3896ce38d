package settings

import (
	"fmt"
	"strings"
)

// Layer names, as [Origin] gives them. A layer that is a file has the file's base name.
const (
	LayerDefault     = "default"
	LayerEnvironment = "environment"
)

// Origin says where a value comes from.
type Origin struct {
	Layer    string // a file's base name, [LayerEnvironment] or [LayerDefault]
	File     string // absolute path of the file; empty if no file gave the value
	Line     int    // line of the key in File, from 1; 0 if no file gave the value
	Column   int    // column of the key in File, in characters, from 1
	Variable string // name of the environment variable, if one gave the value
}

// String gives "file:line", "environment variable NAME" or the layer's name. Every message about
// a value starts with it.
func (o Origin) String() string {
	switch {
	case o.Variable != "":
		return "environment variable " + o.Variable
	case o.File != "" && o.Line > 0:
		return fmt.Sprintf("%s:%d", o.File, o.Line)
	case o.File != "":
		return o.File
	default:
		return o.Layer
	}
}

// compare orders origins by file and place, so that problems read from top to bottom.
func (o Origin) compare(other Origin) int {
	if c := strings.Compare(o.File, other.File); c != 0 {
		return c
	}
	if o.Line != other.Line {
		return o.Line - other.Line
	}
	if o.Column != other.Column {
		return o.Column - other.Column
	}
	return strings.Compare(o.Variable, other.Variable)
}
