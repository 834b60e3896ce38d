package change

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// refusal is a reason why one order fails. All other errors end the whole call.
type refusal struct {
	fault     *fault.Error
	explained bool // its hint says it all
}

func (r refusal) Error() string { return r.fault.Error() }

func refuse(code fault.Code, format string, args ...any) refusal {
	return refusal{fault: fault.Errorf(code, "%s", fmt.Sprintf(format, args...))}
}

func (r refusal) hint(text string) refusal {
	r.fault.Hint, r.explained = text, true
	return r
}

// unreadable says that a success holds nonsense.
func unreadable(err error) error {
	return fault.Errorf(fault.Unavailable, "an answer of Graph cannot be read: %w", err).
		WithHint("Check that nothing between here and Graph changes answers")
}

// objectIn reads the object in an answer.
func objectIn(a graph.Answer) (map[string]json.RawMessage, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(a.Body, &object); err != nil {
		return nil, unreadable(err)
	}
	return object, nil
}

// textIn returns the text of a property, or "".
func textIn(object map[string]json.RawMessage, property string) (text string) {
	_ = json.Unmarshal(object[property], &text) // another type has no text
	return text
}

// valueAt follows a path into an object; nil if it leads nowhere.
func valueAt(object map[string]json.RawMessage, path []string) json.RawMessage {
	value := object[path[0]]
	for _, name := range path[1:] {
		var below map[string]json.RawMessage
		if err := json.Unmarshal(value, &below); err != nil {
			return nil
		}
		value = below[name]
	}
	return value
}

// texts makes a JSON list.
func texts(values []string) json.RawMessage {
	if len(values) == 0 {
		return nil
	}
	var b strings.Builder
	for i, v := range values {
		b.WriteByte("[,"[min(i, 1)])
		b.WriteString(graph.Quote(v))
	}
	b.WriteByte(']')
	return json.RawMessage(b.String())
}
