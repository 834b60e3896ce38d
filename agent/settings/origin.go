package settings

import "github.com/usher-iga/usher/agent/settings/tree"

// What the settings tell about places, and what is wrong there.
type (
	// Origin says where a value comes from; see [tree.Origin].
	Origin = tree.Origin
	// Problems is everything that is wrong with the settings; see [tree.Problems].
	Problems = tree.Problems
	// Warning is something that an admin should look at; see [tree.Warning].
	Warning = tree.Warning
)

// Names of layers; a layer that is a file has the file's base name.
const (
	LayerDefault     = tree.LayerDefault
	LayerKeyVault    = tree.LayerKeyVault
	LayerCyberArk    = tree.LayerCyberArk
	LayerEnvironment = tree.LayerEnvironment
)
