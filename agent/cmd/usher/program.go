package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/usher-iga/usher/agent/job"
	"github.com/usher-iga/usher/agent/pluginhost"
	"github.com/usher-iga/usher/agent/settings"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/clock"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// program is one invocation, with all that it touches, so that a test can run it.
type program struct {
	args           []string
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer

	settingsDir string
	logLevel    string
	json        bool

	opened *settings.Loader // see loader
	keys   connectorKeys
}

// memoryGoal is what the garbage collector aims at: an export needs little, and
// the machine belongs to others. The agent peaks at 46 MiB resident whether it exports
// 200,000 users and 2 million memberships or five times as many; with 48 it is 49 and
// 57 MiB in no less time, and with 30 it takes a tenth more CPU time.
const memoryGoal = 36 << 20

func (p *program) run(ctx context.Context) int {
	debug.SetMemoryLimit(memoryGoal)
	root := p.command()
	root.SetArgs(p.args)
	p.json = slices.Contains(p.args, "--json") // also when the command line cannot be read
	if !p.json {
		p.stdout = harmless{p.stdout}
	}
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if p.opened != nil {
		p.opened.Close()
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) && fault.Of(err) == nil {
		err = fault.Errorf(fault.Canceled, "cancelled")
	}
	if _, done := errors.AsType[told](err); err != nil && !done {
		p.printError(err)
	}
	return exitCode(err)
}

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "usher",
		Short: "Export a Microsoft Entra tenant to the files that an IGA system loads, and carry out its orders",
		Long: `Usher exports a Microsoft Entra tenant to the CSV files that an IGA system loads, and
carries out the provisioning orders that come back.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 held for an operator,
130 cancelled.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs, // parent tells what is wrong with them
		RunE:          parent,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return misuse(cmd, err.Error()) })
	flags := root.PersistentFlags()
	flags.StringVar(&p.settingsDir, "settings", "", "`folder` of the appsettings files (default: the folder of the usher program)")
	flags.StringVar(&p.logLevel, "log-level", "warn", "what to log on standard error: trace, debug, info, warn, error or off")
	flags.BoolVar(&p.json, "json", false, "print one JSON object instead of text")
	root.AddCommand(p.exportCommand(), p.fulfillCommand(), p.ordersCommand(), p.actionsCommand(), p.auditCommand(), p.checkCommand(), p.consentCommand(), p.settingsCommand(), p.secretsCommand(),
		p.runsCommand(), p.cookiesCommand(), p.storeCommand(), p.connectorsCommand(), p.versionCommand())
	return root
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// parent is the command that only has sub-commands: without one it explains them.
func parent(cmd *cobra.Command, arguments []string) error {
	if len(arguments) == 0 {
		return cmd.Help()
	}
	cmd.SuggestionsMinimumDistance = 2
	wrong := "there is no command " + strconv.Quote(cmd.CommandPath()+" "+arguments[0])
	if near := cmd.SuggestionsFor(arguments[0]); len(near) > 0 {
		wrong += ", did you mean " + near[0] + "?"
	}
	return misuse(cmd, wrong)
}

// args wraps a cobra check of arguments, so that its error counts as usage and says what
// is missing, or too much.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			return nil
		}
		message, wanted := err.Error(), strings.Fields(cmd.Use)[1:]
		switch given := len(args); {
		case given < len(wanted) && !strings.HasPrefix(wanted[given], "["):
			message = fmt.Sprintf("'%s' lacks %s", cmd.CommandPath(), wanted[given])
		case given > len(wanted) && len(wanted) > 0:
			message = fmt.Sprintf("'%s' takes %s, and %q is given too", cmd.CommandPath(), strings.Join(wanted, " "), args[len(wanted)])
		}
		return misuse(cmd, message)
	}
}

// misuse is a wrong use of a command, which its help puts right.
func misuse(cmd *cobra.Command, message string) error {
	return fault.Errorf(fault.Invalid, "%s", message).WithHint("See '%s --help'", cmd.CommandPath())
}

// The exit codes, documented in docs/export.md.
const (
	exitDone      = 0
	exitFailed    = 1
	exitUsage     = 2
	exitHeld      = 3
	exitCancelled = 130
)

func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if code, ok := errors.AsType[told](err); ok {
		return int(code)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	switch fault.CodeOf(err) {
	case fault.Invalid:
		return exitUsage
	case fault.Held:
		return exitHeld
	case fault.Canceled:
		return exitCancelled
	default:
		return exitFailed
	}
}

// logger writes to standard error, at the level that the command line asks for.
func (p *program) logger() (hclog.Logger, error) {
	level := hclog.LevelFromString(p.logLevel)
	if level == hclog.NoLevel {
		return nil, usageError{errors.New("--log-level " + p.logLevel + " is none of trace, debug, info, warn, error and off")}
	}
	return hclog.New(&hclog.LoggerOptions{Name: "usher", Level: level, Output: p.stderr, JSONFormat: p.json}), nil
}

// programDir is the folder of the running program: where settings and connectors
// are unless the admin says otherwise.
func programDir() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fault.Errorf(fault.Internal, "find the folder of this program: %w", err)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	return filepath.Dir(path), nil
}

// settingsFolder is the folder of the appsettings files.
func (p *program) settingsFolder() (string, error) {
	if p.settingsDir != "" {
		return p.settingsDir, nil
	}
	return programDir()
}

// loader makes the loader of the settings, once: it keeps vaults open between loads.
func (p *program) loader() (*settings.Loader, error) {
	if p.opened != nil {
		return p.opened, nil
	}
	dir, err := p.settingsFolder()
	if err != nil {
		return nil, err
	}
	beside, err := programDir()
	if err != nil {
		return nil, err
	}
	log, err := p.logger()
	if err != nil {
		return nil, err
	}
	p.opened = settings.NewLoader(settings.Options{
		Dir: dir, Environ: p.environ, ProgramDir: beside, UserAgent: "usher/" + version,
		Describe: func(ctx context.Context, c settings.Connectors, name string) ([]sdk.Setting, error) {
			return p.keys.of(ctx, host(c, log), name)
		},
	})
	return p.opened, nil
}

// load reads the settings.
func (p *program) load(ctx context.Context) (*settings.Settings, error) {
	loader, err := p.loader()
	if err != nil {
		return nil, err
	}
	return loader.Load(ctx)
}

// connectorKeys remembers the keys that connectors describe: a program does not
// change while this one runs.
type connectorKeys struct {
	mu   sync.Mutex
	keys map[string][]sdk.Setting
}

// of asks a connector for its keys, once.
func (c *connectorKeys) of(ctx context.Context, h *pluginhost.Host, name string) ([]sdk.Setting, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if keys, ok := c.keys[name]; ok {
		return keys, nil
	}
	connector, err := h.Launch(ctx, name)
	if err != nil {
		return nil, err
	}
	defer connector.Close()
	if c.keys == nil {
		c.keys = map[string][]sdk.Setting{}
	}
	c.keys[name] = connector.Description.Settings
	return c.keys[name], nil
}

// prepare reads the settings, prints their warnings, and wires a runner: what most
// commands begin with.
func (p *program) prepare(ctx context.Context) (*settings.Settings, *job.Runner, error) {
	s, runner, err := p.open(ctx)
	if err == nil {
		p.printWarnings(s)
	}
	return s, runner, err
}

// open is prepare for a command that shows the warnings itself.
func (p *program) open(ctx context.Context) (*settings.Settings, *job.Runner, error) {
	s, err := p.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	runner, err := p.runner(s)
	return s, runner, err
}

// runner wires what a command needs to work on connections.
func (p *program) runner(s *settings.Settings) (*job.Runner, error) {
	log, err := p.logger()
	if err != nil {
		return nil, err
	}
	return &job.Runner{
		Settings: s, Reload: p.load, Host: host(s.Connectors, log),
		Clock: clock.System, Logger: log, Version: version, Waiting: p.printWaiting,
	}, nil
}

// printWaiting tells a person what the command waits for.
func (p *program) printWaiting(text string) {
	if !p.json {
		fmt.Fprintf(p.stderr, "usher: %s\n", sentence(text))
	}
}

// host launches the connectors of the settings.
func host(c settings.Connectors, log hclog.Logger) *pluginhost.Host {
	return &pluginhost.Host{
		Folder:       pluginhost.Folder{Path: c.Folder, Checksums: c.Checksums},
		StartTimeout: c.StartTimeout,
		CheckTimeout: 2 * time.Minute,
		IdleTimeout:  c.IdleTimeout,
		Clock:        clock.System,
		Logger:       log,
	}
}
