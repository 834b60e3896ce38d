// Command clipasswordsdk behaves like the command-line program of CyberArk's
// Credential Provider, with the accounts of a JSON file:
//
//	clipasswordsdk GetPassword -p AppDescs.AppID=Usher -p Query="Safe=Usher;Object=Graph" -o Password,PassProps.UserName -d '#@#'
//
// The file is named by USHER_SANDBOX_CYBERARK, else it is clipasswordsdk.json
// beside the program. What File says is in it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/usher-iga/usher/connectors/sandbox/cyberark"
)

// File is the content of the JSON file. That a password is being changed is
// counted down in it.
type File struct {
	AppID    string             `json:"appId,omitempty"` // the one application that may ask; empty is any
	Fault    string             `json:"fault,omitempty"` // one of cyberark.Codes, which every call fails with
	Delay    string             `json:"delay,omitempty"` // how long each call takes, such as 2s
	Accounts []cyberark.Account `json:"accounts"`

	counted bool // something was counted down
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	name, err := fileName()
	if err != nil {
		return err
	}
	file, err := read(name)
	if err != nil {
		return err
	}
	if err := wait(file.Delay); err != nil {
		return err
	}
	answer, err := c.answer(file)
	if file.counted {
		err = errors.Join(err, write(name, file))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, strings.Join(answer, c.separator))
	return err
}

// call is a command line that was read.
type call struct {
	properties map[string]string // by their names in lower case
	output     []string
	separator  string
}

func parse(args []string) (call, error) {
	c := call{properties: map[string]string{}, separator: ","}
	if len(args) == 0 || !strings.EqualFold(args[0], "GetPassword") {
		return c, errors.New("APPAP085E The command is not GetPassword")
	}
	args = args[1:]
	if len(args)%2 != 0 {
		return c, fmt.Errorf("APPAP085E The option %s has no value", args[len(args)-1])
	}
	for i := 0; i < len(args); i += 2 {
		option, value := args[i], args[i+1]
		switch option {
		case "-p":
			name, text, ok := strings.Cut(value, "=")
			if !ok {
				return c, fmt.Errorf("APPAP085E The property %s has no value", value)
			}
			c.properties[strings.ToLower(name)] = text
		case "-o":
			c.output = strings.Split(value, ",")
		case "-d":
			c.separator = value
		default:
			return c, fmt.Errorf("APPAP085E There is no option %s", option)
		}
	}
	if c.properties["appdescs.appid"] == "" || len(c.output) == 0 {
		return c, errors.New("APPAP085E The property AppDescs.AppID and the option -o are required")
	}
	return c, nil
}

// answer returns the values that were asked for, in their order.
func (c *call) answer(file *File) ([]string, error) {
	appID := c.properties["appdescs.appid"]
	q, err := cyberark.ParseQuery(c.properties["query"])
	if failure := cyberark.Failing(file.Fault, appID, q); failure != nil {
		return nil, failure
	}
	if err != nil {
		return nil, err
	}
	if file.AppID != "" && !strings.EqualFold(file.AppID, appID) {
		return nil, cyberark.Failing("APPAP008E", appID, q)
	}
	i, err := cyberark.Find(file.Accounts, q)
	if err != nil {
		return nil, err
	}
	account := &file.Accounts[i]
	file.counted = account.Changing > 0
	changing, err := account.Ask(strings.EqualFold(c.properties["failrequestonpasswordchange"], "true"), q)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{"password": account.Content, "passwordchangeinprocess": strconv.FormatBool(changing)}
	for name, value := range account.Fields() {
		fields["passprops."+strings.ToLower(name)] = value
	}
	var values []string
	for _, name := range c.output {
		value, ok := fields[strings.ToLower(strings.TrimSpace(name))]
		if !ok {
			return nil, fmt.Errorf("APPAP097E The password object has no property %s", name)
		}
		values = append(values, value)
	}
	return values, nil
}

func fileName() (string, error) {
	if name := os.Getenv("USHER_SANDBOX_CYBERARK"); name != "" {
		return name, nil
	}
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(program), "clipasswordsdk.json"), nil
}

func read(name string) (*File, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var file File
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &file, nil
}

// write keeps what was counted, by a file of its own so that another call at
// the same time reads a whole one.
func write(name string, file *File) error {
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(name), ".clipasswordsdk-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(append(text, '\n'))
	if err := errors.Join(err, temp.Close()); err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return os.Rename(temp.Name(), name)
}

func wait(delay string) error {
	if delay == "" {
		return nil
	}
	d, err := time.ParseDuration(delay)
	if err != nil {
		return err
	}
	time.Sleep(d)
	return nil
}
