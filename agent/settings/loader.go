package settings

import (
	"cmp"
	"context"
	"slices"

	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/agent/settings/tree"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/clock"
)

// Loader loads the settings of one installation. [Loader.Close] ends it.
type Loader struct {
	options Options         // without the environment, which holds secrets
	environ func() []string // as [os.Environ] gives it
	turn    chan struct{}   // holds one item during a load

	keyVault layer.KeyVault
	cyberArk layer.CyberArk
}

// NewLoader makes a loader. It reads nothing yet.
func NewLoader(o Options) *Loader {
	environ := o.Environ
	o.Environ = nil
	time := cmp.Or(o.Clock, clock.System)
	variable := func(name string) string {
		value, _ := tree.Lookup(environ, name)
		return value
	}
	return &Loader{
		options: o, environ: func() []string { return environ }, turn: make(chan struct{}, 1),
		keyVault: layer.KeyVault{Clock: time, Variable: variable}, cyberArk: layer.CyberArk{Clock: time},
	}
}

// Load reads and checks the settings. It may be called any number of times, by several goroutines
// one after the other: it reads everything anew each time. A vault and CyberArk stay open in
// between while their own settings are the same; what cannot be read from them then keeps the value
// of the last load, which is a warning. At the first load it is an error.
//
// The error is a [Problems] with everything that is wrong, or that of ctx.
func (l *Loader) Load(ctx context.Context) (*Settings, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return newReading(l.options, l.environ()).load(ctx, &l.keyVault, &l.cyberArk)
}

// Close closes what is kept between loads. A later load opens it anew.
func (l *Loader) Close() {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.keyVault.Close()
	l.cyberArk.Close()
}

// EncryptionCertificate gets the certificate that secrets are encrypted for, as
// [Settings.EncryptionCertificate] does, but reads only the files in clear: it works where an
// encrypted file or a vault cannot be read.
func (l *Loader) EncryptionCertificate() (certificate.Identity, error) {
	r := newReading(l.options, l.environ())
	main, agent := r.clearFiles()
	if err := r.Err(); err != nil {
		return certificate.Identity{}, err
	}
	return layer.ReadEncryption(r.merge(slices.Concat(main, agent))).Identity()
}

// Load reads and checks the settings once; see [Loader.Load].
func Load(ctx context.Context, o Options) (*Settings, error) {
	l := NewLoader(o)
	defer l.Close()
	return l.Load(ctx)
}

// Default returns the settings of an installation that has no settings file: those that [Loader.Load]
// gives for empty files, without warnings.
func Default(o Options) (*Settings, error) {
	r := newReading(o, o.Environ)
	root := r.section(&tree.Node{Shape: tree.Object})
	r.encryption = layer.ReadEncryption(root)
	return r.settings(root), r.Err()
}
