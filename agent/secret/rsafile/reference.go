package rsafile

import "github.com/usher-iga/usher/connectors/sdk/fault"

// referencePrefix begins each value that the reference product has encrypted: its container starts
// with the bytes 93 10 01 00, here in base64.
const referencePrefix = "kxABA"

// referenceContainer refuses it: how it is made is published nowhere.
func referenceContainer() error {
	return fault.Errorf(fault.Invalid, "the value was encrypted by another agent, in a form that Usher does not read").
		WithHint("Take the settings file in clear that it was made from, or get the secrets anew from where they were issued; " +
			"then encrypt that file with: usher secrets encrypt FILE; and delete the file in clear")
}
