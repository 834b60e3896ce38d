package main

import (
	"bytes"
	"context"
	"crypto/sha1" // the thumbprint by which Windows and Entra name a certificate is SHA-1 by definition
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/secret"
	"github.com/usher-iga/usher/agent/secret/rsafile"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk/certificate"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

func (p *program) secretsCommand() *cobra.Command {
	command := &cobra.Command{Use: "secrets", Short: "Encrypt settings for this agent's certificate", RunE: parent}

	encrypt := &cobra.Command{
		Use:   "encrypt FILE",
		Short: "Encrypt every value of a settings file into a second file",
		Long: `Encrypt every value of a settings file, such as appsettings.agent.json, for the
agent's certificate into a second file, such as appsettings.encrypted.agent.json. Keys
stay readable. Delete the first file afterwards: its values stand in clear.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: p.encryptFile,
	}
	encrypt.Flags().String("out", "", "`file` to write (default: the name with \"encrypted\" in it)")
	encrypt.Flags().Bool("replace", false, "replace the file to write if it exists")

	value := &cobra.Command{
		Use:   "encrypt-value",
		Short: "Encrypt one value, asked for or read from standard input",
		Args:  args(noValue),
		RunE:  p.encryptValue,
	}

	rotate := &cobra.Command{
		Use:   "rotate --to FILE [FILE...]",
		Short: "Encrypt the encrypted settings for another certificate",
		Long: `Encrypt the encrypted settings files, or those named, for another certificate.
A file is replaced as a whole, and it can be run again: values that are for the new
certificate already can be read, too. Name the new certificate in EncryptionCertificate
afterwards.`,
		Args: args(cobra.ArbitraryArgs),
		RunE: p.rotate,
	}
	rotate.Flags().String("to", "", "`file` of the new certificate with its key (PEM)")

	for _, c := range []*cobra.Command{encrypt, value} {
		c.Flags().String("certificate", "", "`file` of the certificate, with or without its key (default: EncryptionCertificate of the settings)")
	}
	rotate.Flags().String("certificate", "", "`file` of the present certificate with its key (default: EncryptionCertificate of the settings)")

	certificate := &cobra.Command{
		Use:   "new-certificate FILE",
		Short: "Make a certificate with a private key for encrypted settings",
		Args:  args(cobra.ExactArgs(1)),
		RunE:  p.newCertificate,
	}
	certificate.Flags().Int("days", 3*365, "how long it is valid")
	certificate.Flags().String("name", "Usher encryption", "its common name")

	command.AddCommand(encrypt, value, rotate, certificate)
	return command
}

// noValue refuses arguments without repeating them: they may be secrets.
func noValue(_ *cobra.Command, arguments []string) error {
	if len(arguments) > 0 {
		return errors.New("the value is no argument: others could read it in the list of processes. It is asked for, or read from standard input")
	}
	return nil
}

// recipient is the certificate to encrypt for: that of the flag, for which no private key
// is needed, or the settings'.
func (p *program) recipient(cmd *cobra.Command) (*x509.Certificate, error) {
	file, err := cmd.Flags().GetString("certificate")
	if err != nil {
		return nil, usageError{err}
	}
	if file == "" {
		identity, err := p.identity(cmd)
		if err != nil {
			return nil, err
		}
		return identity.Certificate(), nil
	}
	c, hasKey, err := certificate.LoadPublic(file, "")
	if err == nil && hasKey {
		err = durable.CheckPrivate(file)
	}
	return c, err
}

// identity is the certificate with its private key: that of the flag, or the settings'.
func (p *program) identity(cmd *cobra.Command) (certificate.Identity, error) {
	file, err := cmd.Flags().GetString("certificate")
	if err != nil {
		return certificate.Identity{}, usageError{err}
	}
	if file != "" {
		return loadIdentity(file)
	}
	loader, err := p.loader()
	if err != nil {
		return certificate.Identity{}, err
	}
	return loader.EncryptionCertificate()
}

// loadIdentity reads a certificate with its private key.
func loadIdentity(file string) (certificate.Identity, error) {
	if err := durable.CheckPrivate(file); err != nil {
		return certificate.Identity{}, err
	}
	return certificate.Load(file, "")
}

func (p *program) encryptFile(cmd *cobra.Command, arguments []string) error {
	from := arguments[0]
	to, err := cmd.Flags().GetString("out")
	if err != nil {
		return usageError{err}
	}
	p.settingsBeside(from)
	replace, err := cmd.Flags().GetBool("replace")
	if err != nil {
		return usageError{err}
	}
	if to == "" {
		if to, err = encryptedName(from); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(to); !replace && !errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(fault.Conflict, "%s exists already", to).
			WithHint("Use --replace to write it anew from %s: values that stand only in it are lost", from)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return fault.Errorf(fault.Invalid, "read %s: %w", from, err)
	}
	recipient, err := p.recipient(cmd)
	if err != nil {
		return err
	}
	sealed, err := settings.EncryptFile(from, content, func(text string) (string, error) { return rsafile.Seal(text, recipient) })
	if err != nil {
		return err
	}
	if err := durable.WriteFile(to, sealed); err != nil {
		return err
	}
	if p.json {
		return p.printJSON(struct {
			File       string `json:"file"`
			Thumbprint string `json:"thumbprint"`
		}{to, thumbprint(recipient)})
	}
	fmt.Fprintf(p.stdout, "Encrypted %s into %s for the certificate %s.\n", from, to, thumbprint(recipient))
	fmt.Fprintf(p.stdout, "Run 'usher check', then delete %s: its values stand in clear.\n", from)
	return nil
}

// settingsBeside makes the folder of a settings file the settings' folder, unless
// --settings names one.
func (p *program) settingsBeside(file string) {
	if p.settingsDir == "" {
		p.settingsDir = filepath.Dir(file)
	}
}

// encryptedName puts "encrypted" into the name of a settings file.
func encryptedName(file string) (string, error) {
	folder, name := filepath.Split(file)
	rest, ok := strings.CutPrefix(name, "appsettings.")
	if !ok || strings.HasPrefix(rest, "encrypted.") {
		return "", usageError{fmt.Errorf("%s is no settings file in clear, such as appsettings.agent.json: say with --out what to write", file)}
	}
	return filepath.Join(folder, "appsettings.encrypted."+rest), nil
}

func (p *program) encryptValue(cmd *cobra.Command, _ []string) error {
	recipient, err := p.recipient(cmd)
	if err != nil {
		return err
	}
	text, err := p.ask(cmd.Context())
	if err != nil {
		return err
	}
	sealed, err := rsafile.Seal(text.Reveal(), recipient)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(struct {
			Value string `json:"value"`
		}{sealed})
	}
	fmt.Fprintln(p.stdout, sealed)
	return nil
}

// maxValue bounds a value that is read from standard input.
const maxValue = 1 << 20

// ask reads a secret: from the terminal without showing it, or from standard input up
// to its end, without the line break there. It ends with ctx.
func (p *program) ask(ctx context.Context) (secret.String, error) {
	read, restore := p.readInput, func() {}
	if file, ok := p.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		state, err := term.GetState(int(file.Fd()))
		if err != nil {
			return secret.String{}, fault.Errorf(fault.Storage, "ask for the value on the terminal: %w", err)
		}
		fmt.Fprint(p.stderr, "Value: ")
		restore = func() {
			_ = term.Restore(int(file.Fd()), state) // there is nothing else to try
			fmt.Fprintln(p.stderr)
		}
		read = func() ([]byte, error) { return term.ReadPassword(int(file.Fd())) }
	}
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() { // a read cannot be ended; the process ends soon
		text, err := read()
		answered <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		restore()
		return secret.String{}, fault.Errorf(fault.Canceled, "cancelled")
	case a := <-answered:
		restore()
		switch {
		case a.err != nil:
			return secret.String{}, fault.Errorf(fault.Storage, "read the value: %w", a.err)
		case len(a.text) > maxValue:
			return secret.String{}, fault.Errorf(fault.Invalid, "the value is longer than %d MiB", maxValue>>20)
		case len(a.text) == 0:
			return secret.String{}, usageError{errors.New("there is no value: type one, or give it by standard input")}
		}
		return secret.New(string(a.text)), nil
	}
}

// readInput reads standard input without the line break at its end.
func (p *program) readInput() ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(p.stdin, maxValue+1))
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")), err
}

func (p *program) rotate(cmd *cobra.Command, files []string) error {
	to, err := cmd.Flags().GetString("to")
	if err != nil {
		return usageError{err}
	}
	if to == "" {
		return usageError{errors.New("name the new certificate with --to FILE; 'usher secrets new-certificate' makes one")}
	}
	if len(files) > 0 {
		p.settingsBeside(files[0])
	}
	next, err := loadIdentity(to)
	if err != nil {
		return err
	}
	present, err := p.identity(cmd)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		dir, err := p.settingsFolder()
		if err != nil {
			return err
		}
		if files, err = filepath.Glob(filepath.Join(dir, "appsettings.encrypted*.json")); err != nil || len(files) == 0 {
			return fault.Errorf(fault.NotFound, "there is no encrypted settings file in %s", dir).
				WithHint("Name the files, or the folder with --settings")
		}
	}
	// All files are read before the first is written: what cannot be read stops the rotation.
	rotated := make([][]byte, len(files))
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return fault.Errorf(fault.Invalid, "read %s: %w", file, err)
		}
		if rotated[i], err = settings.RotateFile(file, content, open(present, next), func(text string) (string, error) {
			return rsafile.Seal(text, next.Certificate())
		}); err != nil {
			return err
		}
	}
	for i, file := range files {
		if err := durable.WriteFile(file, rotated[i]); err != nil {
			return err
		}
	}
	if p.json {
		return p.printJSON(struct {
			Files      []string `json:"files"`
			Thumbprint string   `json:"thumbprint"`
		}{files, thumbprint(next.Certificate())})
	}
	fmt.Fprintf(p.stdout, "Encrypted %s for the certificate %s.\n", strings.Join(files, ", "), thumbprint(next.Certificate()))
	fmt.Fprintln(p.stdout, "Name it in EncryptionCertificate now, and run 'usher check'.")
	return nil
}

// open opens a value that is for either certificate: a rotation that was cut off may
// have left files of both kinds.
func open(present, next certificate.Identity) func(string) (secret.String, error) {
	return func(value string) (secret.String, error) {
		text, err := rsafile.Open(value, present)
		if err == nil {
			return text, nil
		}
		if text, late := rsafile.Open(value, next); late == nil {
			return text, nil
		}
		return secret.String{}, err
	}
}

func (p *program) newCertificate(cmd *cobra.Command, arguments []string) error {
	file, err := filepath.Abs(arguments[0])
	if err != nil {
		return fault.Errorf(fault.Invalid, "%s: %w", arguments[0], err)
	}
	days, err := cmd.Flags().GetInt("days")
	if err != nil || days < 1 {
		return usageError{errors.New("--days must be a whole number of days")}
	}
	name, err := cmd.Flags().GetString("name")
	if err != nil {
		return usageError{err}
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(fault.Conflict, "%s exists already", file).
			WithHint("Name another file: what is encrypted for a key can be read only with it")
	}
	text, made, err := rsafile.NewCertificate(name, days, clock.System)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(file, text); err != nil {
		return err
	}
	if p.json {
		return p.printJSON(struct {
			File       string    `json:"file"`
			Thumbprint string    `json:"thumbprint"`
			Ends       time.Time `json:"ends"`
		}{file, thumbprint(made), made.NotAfter})
	}
	fmt.Fprintf(p.stdout, "Made %s: a certificate with its private key, valid until %s.\n", file, made.NotAfter.Format(time.DateOnly))
	fmt.Fprintf(p.stdout, "  thumbprint (SHA-1)  %s\n  SHA-256             %X\n", thumbprint(made), sha256.Sum256(made.Raw))
	fmt.Fprintf(p.stdout, "Keep a copy in a safe place, and name it in appsettings.json:\n  \"EncryptionCertificate\": { \"File\": %q }\n", filepath.ToSlash(file))
	return nil
}

func thumbprint(c *x509.Certificate) string {
	return fmt.Sprintf("%X", sha1.Sum(c.Raw))
}
