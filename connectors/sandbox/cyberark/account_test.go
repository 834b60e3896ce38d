package cyberark

import (
	"errors"
	"testing"
)

func TestFind(t *testing.T) {
	accounts := []Account{
		{Object: "Graph", Safe: "Usher", UserName: "app", Properties: map[string]string{"Database": "d"}},
		{Object: "Graph", Safe: "Usher", Folder: "Root\\Old"},
		{Object: "Other", Safe: "Usher"},
	}
	for text, want := range map[string]struct {
		found int
		code  string
	}{
		"Safe=usher;Folder=root;Object=GRAPH": {0, ""},
		"Safe=Usher;Folder=Root\\Old":         {1, ""},
		"Object = Other ;":                    {2, ""},
		"Database=d;UserName=app":             {0, ""},
		"Safe=Usher":                          {0, "APPAP228E"},
		"Safe=None":                           {0, "APPAP004E"},
		"":                                    {0, "AIMWS030E"},
		"Safe":                                {0, "AIMWS030E"},
		"Color=blue":                          {0, "AIMWS030E"},
	} {
		q, err := ParseQuery(text)
		found := 0
		if err == nil {
			found, err = Find(accounts, q)
		}
		code := ""
		if failure, ok := errors.AsType[*Failure](err); ok {
			code = failure.Code
		}
		if found != want.found || code != want.code {
			t.Errorf("%q: %d, %v", text, found, err)
		}
	}
}

func TestEveryCodeHasWords(t *testing.T) {
	for _, code := range Codes() {
		if failure := Failing(code, "Usher", Query{"object": "Graph"}); failure == nil || failure.Code != code || failure.Message == "" {
			t.Errorf("%s: %v", code, failure)
		}
	}
	if Failing("x", "", nil) != nil {
		t.Error("there are words for a code that is not there")
	}
}
