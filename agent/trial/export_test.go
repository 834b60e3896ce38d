package trial_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/trial"
)

// everything is a mapping of all entities, with every navigation that delta can
// deliver and attributes of every kind.
func everything(connection map[string]any) {
	connection["EntityTypeMapping"] = map[string]any{
		"C0":          "user group directoryRole servicePrincipal application device orgContact administrativeUnit oAuth2PermissionGrant",
		"Navigations": "members owners manager",
		"Properties": trial.Columns("id", "displayName", "accountEnabled", "mail", "createdDateTime", "proxyAddresses", "groupTypes",
			"assignedLicenses", "assignedLicenses/skuId", "onPremisesExtensionAttributes/extensionAttribute3", "employeeOrgData/costCenter",
			"employeeOrgData", "description", "visibility", "jobTitle", "appId", "deviceId", "roleTemplateId", "scope"),
	}
}

// The files say of the tenant what the tenant says of itself, object by object and
// link by link (E1, E3, E6). The tenant is read by other code than the connector's.
func TestExportEqualsTheTenant(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t, "--users", "900", "--groups", "80", "--memberships", "4000")
	installation.Change = everything
	write(t, installation)
	manifest := mustExport(t, installation)

	header, objects := read(t, installation, trial.Connection+"_directoryobjects.csv")
	got := map[string][]string{}
	for _, row := range objects {
		if row[0] != "insert" {
			t.Errorf("command %q in a complete export", row[0])
		}
		got[row[2]] = row
	}
	if !slices.IsSortedFunc(objects, func(a, b []string) int { return strings.Compare(a[2], b[2]) }) {
		t.Error("the objects are not sorted by id")
	}

	links := map[string]map[string]bool{} // file -> "owner id"
	for entity := range strings.FieldsSeq("user group directoryRole servicePrincipal application device orgContact administrativeUnit oAuth2PermissionGrant") {
		count := 0
		err := sandbox.Snapshot(t.Context(), entity, func(o trial.Object) error {
			count++
			row := got[o.ID]
			if row == nil {
				return fmt.Errorf("%s is missing", o.ID)
			}
			delete(got, o.ID)
			// Among the users are agents' own, which Graph gives a type of their own.
			if row[1] != o.Type && (row[1] != "agentUser" || o.Type != "user") {
				t.Errorf("%s has type %s, want %s", o.ID, row[1], o.Type)
			}
			for i, column := range header {
				if i < 3 {
					continue
				}
				if want := text(lookup(o.Properties, strings.Split(column, "/"))); row[i] != want {
					t.Errorf("%s: %s is %q, want %q", o.ID, column, row[i], want)
				}
			}
			for navigation, targets := range o.Links {
				file := fmt.Sprintf("%s_%s_%s.csv", trial.Connection, navigation, entity)
				if links[file] == nil {
					links[file] = map[string]bool{}
				}
				for _, target := range targets {
					links[file][o.ID+" "+target] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", entity, err)
		}
		if count == 0 {
			t.Errorf("the tenant has no %s", entity)
		}
	}
	for key := range maps.Keys(got) {
		t.Errorf("%s is not in the tenant", key)
	}

	for _, file := range manifest.Files {
		if file.Navigation == "" {
			continue
		}
		_, rows := read(t, installation, file.Name)
		missing := links[file.Name]
		if len(missing) == 0 {
			t.Errorf("the tenant has no %s of %s: nothing is tested", file.Navigation, file.Entity)
		}
		for _, row := range rows {
			link := row[1] + " " + row[2]
			if !missing[link] {
				t.Errorf("%s: %s is not in the tenant, or here twice", file.Name, link)
			}
			delete(missing, link)
		}
		for link := range missing {
			t.Errorf("%s: %s is missing", file.Name, link)
		}
	}
}

// read reads a CSV file. encoding/csv would take CR LF within quotes for LF.
func read(t *testing.T, i *trial.Installation, name string) (header []string, rows [][]string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(i.Output(), name))
	if err != nil {
		t.Fatal(err)
	}
	for rest := string(content); rest != ""; {
		var row []string
		for end := byte(','); end == ','; {
			var field string
			if field, end, rest, err = csvField(rest); err != nil {
				t.Fatalf("%s: row %d: %v", name, len(rows)+1, err)
			}
			row = append(row, field)
		}
		rows = append(rows, row)
	}
	return rows[0], rows[1:]
}

// csvField reads one field after RFC 4180 and what ends it: a comma or a line break.
func csvField(text string) (field string, end byte, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		i := strings.IndexAny(text, ",\r\"")
		if i < 0 {
			return "", 0, "", errors.New("no end of row")
		}
		field, rest = text[:i], text[i:]
	} else {
		for rest = text; strings.HasPrefix(rest, `"`); {
			part, after, found := strings.Cut(rest[1:], `"`)
			if !found {
				return "", 0, "", errors.New("no closing quote")
			}
			if field += part; strings.HasPrefix(after, `"`) {
				field += `"`
			}
			rest = after
		}
	}
	if after, ok := strings.CutPrefix(rest, ","); ok {
		return field, ',', after, nil
	}
	if after, ok := strings.CutPrefix(rest, "\r\n"); ok {
		return field, '\n', after, nil
	}
	return "", 0, "", fmt.Errorf("%.20q follows a field", rest)
}

// lookup follows a path into properties, through lists too.
func lookup(v any, path []string) any {
	if len(path) == 0 || v == nil {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		return lookup(v[path[0]], path[1:])
	case []any:
		var all []any
		for _, element := range v {
			all = append(all, lookup(element, path))
		}
		return all
	default:
		return nil
	}
}

// text writes a value as docs/export.md says.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		texts := make([]string, len(v))
		for i, element := range v {
			texts[i] = text(element)
		}
		return strings.Join(texts, "\n")
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
}

// Throttling, outages, cut connections and bodies change nothing (E11).
func TestFaultsChangeNothing(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t, "--users", "1500", "--groups", "100", "--memberships", "6000")
	installation.Change = everything
	write(t, installation)
	want := sums(mustExport(t, installation))

	spread := map[string]float64{}
	for _, fault := range []string{"throttle", "unavailable", "stickyUnavailable", "gatewayTimeout", "reset", "truncate", "truncateChunked"} {
		spread[fault] = 0.3 / 7
	}
	faults := map[string]any{"rates": spread, "retryAfter": []string{"0.02", "0.05", "1", "date", "none", "0.01", "0.01"}}
	if err := sandbox.Control(t.Context(), "PUT", "/faults", faults, nil); err != nil {
		t.Fatal(err)
	}
	if got := sums(mustExport(t, installation)); !maps.Equal(got, want) {
		t.Errorf("with faults:\n%v\nwithout:\n%v", got, want)
	}
	var counters struct {
		Faults map[string]int `json:"faults"`
	}
	if err := sandbox.Control(t.Context(), "GET", "/counters", nil, &counters); err != nil {
		t.Fatal(err)
	}
	for fault := range spread {
		if counters.Faults[fault] == 0 {
			t.Errorf("no %s happened: nothing was tested (%v)", fault, counters.Faults)
		}
	}
}

// An expired page token lists the collection again, and only that one.
func TestExpiredPage(t *testing.T) {
	t.Parallel()
	sandbox, installation := start(t)
	want := sums(mustExport(t, installation))
	for _, path := range []string{"/users/delta", "/groups/delta"} {
		once := map[string]any{"fault": "expirePage", "path": path, "skip": 2}
		if err := sandbox.Control(t.Context(), "POST", "/faults/once", once, nil); err != nil {
			t.Fatal(err)
		}
	}
	result := usher(t, installation, "export", trial.Connection)
	if result.Code != 0 || !strings.Contains(result.Stderr, "user was listed again") || !strings.Contains(result.Stderr, "group was listed again") {
		t.Errorf("exit code %d\n%s%s", result.Code, result.Stdout, result.Stderr)
	}
	if got := sums(published(t, installation)); !maps.Equal(got, want) {
		t.Errorf("after expired pages:\n%v\nbefore:\n%v", got, want)
	}
}

// The settable forms of the files.
func TestForms(t *testing.T) {
	t.Parallel()
	_, installation := start(t, "--users", "50", "--groups", "5", "--memberships", "50")
	installation.Change = func(c map[string]any) {
		c["EntityTypeMapping"] = map[string]any{"C0": "user", "Properties": trial.Columns("id", "@odata.type", "proxyAddresses")}
		c["Csv"] = map[string]any{"Delimiter": ";", "ValueSeparator": "|", "TypeName": "full"}
	}
	write(t, installation)
	mustExport(t, installation)
	content, err := os.ReadFile(filepath.Join(installation.Output(), trial.Connection+"_directoryobjects.csv"))
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(string(content), "\r\n")
	if first != "Command;@odata.type;id;proxyAddresses" || !strings.Contains(rest, "insert;#microsoft.graph.user;") || !strings.Contains(rest, "|smtp:") {
		t.Errorf("got %s\n%.400s", first, rest)
	}
}
