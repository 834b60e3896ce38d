package settings

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-iga/usher/agent/settings/layer"
	"github.com/usher-iga/usher/agent/settings/tree"
)

// samples is the folder of the sample settings and their schemas.
var samples = filepath.Join("..", "..", "appsettings")

func TestSamplesLoad(t *testing.T) {
	s, err := load(t, Options{Dir: samples, ProgramDir: t.TempDir()})
	if err != nil || len(s.Warnings) > 0 || len(s.Connections) != 1 {
		t.Fatalf("got %+v, %v", s, err)
	}
}

// commented finds what makes a setting that a sample shows as a comment a comment.
var commented = regexp.MustCompile(`(?m)^(\s*)// ("\w[\w-]*":|  "|[{}])`)

// TestSamplesWithComments loads the samples with every commented setting on. Proxy stands there in
// two forms and EntityTypeMappingFiles beside EntityTypeMapping, so that a few problems are expected.
func TestSamplesWithComments(t *testing.T) {
	want := []string{"EntityTypeMappingFiles", `the key "Proxy" stands twice`}
	var found []string
	for _, name := range []string{"appsettings.json", "appsettings.agent.json"} {
		data, err := os.ReadFile(filepath.Join(samples, name))
		if err != nil {
			t.Fatal(err)
		}
		on := commented.ReplaceAllString(string(data), "$1$2")
		r := newReading(Options{Dir: samples}, nil)
		root := tree.ReadJSON(tree.NewFile(name, name, []byte(on), &r.Report), &r.Report)
		if root == nil {
			t.Fatalf("%v in\n%s", r.Err(), on)
		}
		layer.ReadEncryption(r.section(root))
		r.settings(r.section(root))
		for _, p := range problemsOf(t, r.Err()) {
			found = append(found, p.Message)
		}
		for _, key := range keysOf(name) {
			if !strings.Contains(on, `"`+key+`":`) {
				t.Errorf("%s does not show %s", name, key)
			}
		}
	}
	slices.Sort(found)
	if len(found) != len(want) {
		t.Fatalf("got %q", found)
	}
	for _, part := range want {
		if !slices.ContainsFunc(found, func(message string) bool { return strings.Contains(message, part) }) {
			t.Errorf("%q is not among %q", part, found)
		}
	}
}

// keysOf lists the keys of Usher that a sample must show.
func keysOf(sample string) []string {
	if sample == "appsettings.json" {
		ours := slices.DeleteFunc(slices.Clone(rootKeys), func(key string) bool { return key == "Connections" })
		return slices.DeleteFunc(slices.Concat(ours, proxyKeys, connectorsKeys, layer.EncryptionKeys, layer.KeyVaultKeys, layer.CyberArkKeys,
			passwordSetKeys, mailKeys, notificationKeys),
			func(key string) bool { return key == "CertificateAzureKeyVault" || key == "EncryptFile" }) // of no use
	}
	return slices.Concat([]string{"Connections"}, connectionKeys, mappingKeys, csvKeys, []string{"ConnectionColumn", "IsPrimaryKey", "Entities"})
}

// schema is as much of a JSON Schema as the tests look at.
type schema struct {
	Properties map[string]json.RawMessage `json:"properties"`
	Defs       map[string]schema          `json:"$defs"`
}

func readSchema(t *testing.T, name string) schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemasKnowTheKeys holds the keys of the code and of the schemas together.
func TestSchemasKnowTheKeys(t *testing.T) {
	main, agent := readSchema(t, "appsettings.schema.json"), readSchema(t, "appsettings.agent.schema.json")
	for _, tc := range []struct {
		section string
		schema  schema
		keys    []string
	}{
		{"root", main, slices.Concat(rootKeys, referenceKeys)},
		{"Proxy", main.Defs["proxy"], proxyKeys},
		{"Connectors", main.Defs["connectors"], connectorsKeys},
		{layer.EncryptionSection, main.Defs["encryptionCertificate"], layer.EncryptionKeys},
		{layer.KeyVaultSection, main.Defs["azureKeyVault"], layer.KeyVaultKeys},
		{layer.CyberArkSection, main.Defs["cyberArk"], layer.CyberArkKeys},
		{passwordSection, main.Defs["passwordResetSettings"], passwordKeys},
		{"a set of passwords", main.Defs["passwordSet"], passwordSetKeys},
		{"MailSettings", main.Defs["mailSettings"], mailKeys},
		{"NotificationSettings", main.Defs["notificationSettings"], notificationKeys},
		{"a connection", agent.Defs["connection"], connectionKeys},
		{"EntityTypeMapping", agent.Defs["entityTypeMapping"], mappingKeys},
		{"Properties", agent.Defs["property"], propertyKeys},
		{"Csv", agent.Defs["csv"], csvKeys},
	} {
		for _, key := range tc.keys {
			if _, ok := tc.schema.Properties[key]; !ok {
				t.Errorf("the schema of %s does not have %s", tc.section, key)
			}
		}
		for key := range tc.schema.Properties {
			if !slices.Contains(tc.keys, key) {
				t.Errorf("the schema of %s has %s, which the code does not read", tc.section, key)
			}
		}
	}
}
