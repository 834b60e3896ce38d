package action

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

const (
	propertiesHelp = "Properties to return; those that Graph returns by itself if it is left out"
	searchHelp     = "Words of the displayName"
	topHelp        = "How many at most; 100 if it is left out"
)

func readings() []action {
	user, group := needs("user", aText, userHelp), needs("group", aText, groupHelp)
	properties := takes("properties", aList, propertiesHelp)
	search, top := takes("search", aText, searchHelp), takes("top", aPageLength, topHelp)
	return []action{
		{
			Action: sdk.Action{
				Name: "get-user", Title: "Get a user", Description: "Reads a user",
				InputSchema: object(user, properties), OutputSchema: one(), Permissions: []string{"User.Read.All"},
			},
			read: func(ctx context.Context, g Graph, in input) (json.RawMessage, error) {
				return about(ctx, g, "user", in.user(), "users/", in.query())
			},
		},
		{
			Action: sdk.Action{
				Name: "get-group", Title: "Get a group", Description: "Reads a group",
				InputSchema: object(group, properties), OutputSchema: one(), Permissions: []string{"GroupMember.Read.All"},
			},
			read: func(ctx context.Context, g Graph, in input) (json.RawMessage, error) {
				return about(ctx, g, "group", in.group(), "groups/", in.query())
			},
		},
		{
			Action: sdk.Action{
				Name: "get-user-licence", Title: "Get the licences of a user", Description: "Reads which products and service plans a user has",
				InputSchema: object(user), OutputSchema: many(), Permissions: []string{"LicenseAssignment.Read.All"},
			},
			read: func(ctx context.Context, g Graph, in input) (json.RawMessage, error) {
				return listed(about(ctx, g, "user", in.user(), "users/", "/licenseDetails"))
			},
		},
		{
			Action: sdk.Action{
				Name: "search-users", Title: "Search users", Description: "Finds users by name or by a filter",
				InputSchema:  object(search, takes("filter", aText, "OData filter, such as department eq 'Sales'"), properties, top),
				OutputSchema: many(), Permissions: []string{"User.Read.All"},
			},
			read: func(ctx context.Context, g Graph, in input) (json.RawMessage, error) {
				return listed(read(ctx, g, "users"+in.page()))
			},
		},
		membersOf("search-group-members", "Search members of a group", "Finds the direct members of a group", "/members"),
		membersOf("search-transitive-group-members", "Search members of a group and of the groups in it",
			"Finds the members of a group, those of the groups in it too", "/transitiveMembers"),
	}
}

func membersOf(name, title, description, navigation string) action {
	return action{
		Action: sdk.Action{
			Name: name, Title: title, Description: description,
			InputSchema: object(needs("group", aText, groupHelp), takes("search", aText, searchHelp),
				takes("properties", aList, propertiesHelp), takes("top", aPageLength, topHelp)),
			OutputSchema: many(), Permissions: []string{"GroupMember.Read.All"},
		},
		read: func(ctx context.Context, g Graph, in input) (json.RawMessage, error) {
			return listed(about(ctx, g, "group", in.group(), "groups/", navigation+in.page()))
		},
	}
}

// query selects the properties that are asked for.
func (in input) query() string {
	if names := in.list("properties"); len(names) > 0 {
		return "?$select=" + encoded(strings.Join(names, ","))
	}
	return ""
}

// page asks for one page of a list, with what is searched for.
func (in input) page() string {
	top := 100
	_ = json.Unmarshal(in["top"], &top) // the schema has checked it
	page := "?$top=" + strconv.Itoa(top)
	if names := in.list("properties"); len(names) > 0 {
		page += "&$select=" + encoded(strings.Join(names, ","))
	}
	if filter := in.text("filter"); filter != "" {
		page += "&$filter=" + encoded(filter)
		if isAdvanced(filter) {
			page += countAll
		}
	}
	if text := in.text("search"); text != "" {
		text = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
		page += "&$search=" + encoded(`"displayName:`+text+`"`)
	}
	return page
}

// countAll is what advanced queries need besides a header.
const countAll = "&$count=true"

var (
	literals = regexp.MustCompile(`'(?:[^']|'')*'`)
	advanced = regexp.MustCompile(`(?i)\b(?:ne|not|endswith)\b|/\$count\b`)
)

// isAdvanced reports whether a filter has operators that Graph takes in advanced queries alone
// (https://learn.microsoft.com/graph/aad-advanced-queries).
func isAdvanced(filter string) bool {
	return advanced.MatchString(literals.ReplaceAllString(filter, ""))
}

func encoded(text string) string {
	return strings.NewReplacer("+", "%20", "%2C", ",").Replace(url.QueryEscape(text))
}

// about reads what is at rest below the object that key names.
func about(ctx context.Context, g Graph, entity string, key sdk.ObjectKey, set, rest string) (json.RawMessage, error) {
	id, err := g.Find(ctx, entity, key)
	if err != nil {
		return nil, err
	}
	return read(ctx, g, set+url.PathEscape(id)+rest)
}

// read reads one answer. Searches and advanced queries need the header
// (https://learn.microsoft.com/graph/search-query-parameter#using-search-on-directory-object-collections).
func read(ctx context.Context, g Graph, path string) (json.RawMessage, error) {
	r := graph.Get(path)
	if strings.Contains(path, "$search=") || strings.Contains(path, countAll) {
		r = r.With("ConsistencyLevel", "eventual")
	}
	a, err := g.Do(ctx, r, nil)
	switch {
	case err != nil:
		return nil, err
	case !a.OK():
		return nil, failure(a)
	}
	return a.Body, nil
}

// failure says what to do in the words of a reading.
func failure(a graph.Answer) error {
	f := a.Failure()
	switch a.Status {
	case http.StatusBadRequest:
		f.Hint = "Correct the input by the message. Microsoft support can look the request-id up"
	case http.StatusNotFound:
		f.Hint = "Check that the object exists in this tenant"
	}
	return f
}

// listed gives a page the form of the schema.
func listed(page json.RawMessage, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	var graphs struct {
		Value    []json.RawMessage
		NextLink string `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal(page, &graphs); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "a page of Graph cannot be read: %w", err).
			WithHint("Check that nothing between here and Graph changes answers")
	}
	ours := struct {
		Value []json.RawMessage `json:"value"`
		More  bool              `json:"more"`
	}{graphs.Value, graphs.NextLink != ""}
	if ours.Value == nil {
		ours.Value = []json.RawMessage{}
	}
	return json.Marshal(ours)
}
