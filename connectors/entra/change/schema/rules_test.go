package schema

import "testing"

// Every rule is about a property that there is.
func TestRulesAreAboutProperties(t *testing.T) {
	for _, e := range entities {
		for name := range e.rules {
			_, ok := e.Property([]string{name})
			common := name == "createdDateTime" || name == "deletedDateTime" // which some entities have
			if !ok && !common {
				t.Errorf("%s has no %s", e.Name, name)
			}
		}
	}
}
