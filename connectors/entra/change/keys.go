package change

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// keys finds objects by natural keys, each once.
type keys struct {
	graph  Graph
	recent *recent

	mu    sync.Mutex
	known map[key]*lookup
}

// key is a natural key; its value is in lower case, as Entra compares it.
type key struct{ entity, attribute, value string }

type lookup struct {
	done  chan struct{} // closed when the rest is set
	id    string
	err   error
	until time.Time // from then on it is looked up anew
}

const (
	foundFor   = 5 * time.Minute
	missingFor = 30 * time.Second
	// maxKeys bounds the memory; beyond it everything is looked up anew.
	maxKeys = 50000
)

func newKeys(g Graph, r *recent) *keys {
	return &keys{graph: g, recent: r, known: map[key]*lookup{}}
}

// find returns the id of the object that k names. An object that is not found is looked for
// again for as long as patience lasts. Errors: a refusal if there is none or several.
func (s *keys) find(ctx context.Context, entity string, k sdk.ObjectKey, patience time.Duration) (string, error) {
	if k.ID != "" {
		return strings.ToLower(k.ID), nil
	}
	known := key{entity, k.Attribute, strings.ToLower(k.Value)}
	l, mine := s.enter(known)
	if !mine {
		select {
		case <-l.done:
			return l.id, l.err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	l.id, l.err = s.look(ctx, entity, k, patience)
	now := s.recent.clock.Now()
	switch _, refused := errors.AsType[refusal](l.err); {
	case l.err == nil:
		l.until = now.Add(foundFor)
	case refused:
		l.until = now.Add(missingFor)
	}
	close(l.done)
	return l.id, l.err
}

// enter returns the lookup of a key, and whether it is the caller's to do.
func (s *keys) enter(k key) (l *lookup, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.known[k]; ok {
		select {
		case <-l.done:
			if s.recent.clock.Now().Before(l.until) {
				return l, false
			}
		default:
			return l, false
		}
	}
	if len(s.known) >= maxKeys {
		clear(s.known)
	}
	l = &lookup{done: make(chan struct{})}
	s.known[k] = l
	return l, true
}

// learn notes which object has a key from now on.
func (s *keys) learn(entity, attribute, value, id string) {
	l := &lookup{done: make(chan struct{}), id: strings.ToLower(id), until: s.recent.clock.Now().Add(foundFor)}
	close(l.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[key{entity, attribute, strings.ToLower(value)}] = l
}

// expire drops what is known of a key.
func (s *keys) expire(entity string, k sdk.ObjectKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, key{entity, k.Attribute, strings.ToLower(k.Value)})
}

// forget drops what is known of an object whose keys have changed, or that is gone.
func (s *keys) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, l := range s.known {
		select {
		case <-l.done:
			if strings.EqualFold(l.id, id) {
				delete(s.known, k)
			}
		default: // still being looked for
		}
	}
}

func (s *keys) look(ctx context.Context, entity string, k sdk.ObjectKey, patience time.Duration) (string, error) {
	for w := s.recent.waiting(patience); ; {
		found, err := s.read(ctx, entity, k.Attribute, k.Value, []string{"id"})
		switch {
		case err != nil:
			return "", err
		case len(found) == 1:
			return strings.ToLower(textIn(found[0], "id")), nil
		case len(found) > 1:
			return "", refuse(fault.Conflict, "more than one %s has the %s %q", entity, k.Attribute, k.Value).
				hint("Name the object by its id, or by an attribute that only one has")
		}
		switch again, err := w.again(ctx); {
		case err != nil:
			return "", err
		case !again:
			return "", refuse(fault.NotFound, "there is no %s with the %s %q", entity, k.Attribute, k.Value).
				hint("Correct the key, or create the object first")
		}
	}
}

// read reads the objects that have a value, two at most.
func (s *keys) read(ctx context.Context, entity, attribute, value string, properties []string) ([]map[string]json.RawMessage, error) {
	path, isList := lookupPath(entity, attribute, value)
	separator := "?"
	if isList {
		separator = "&"
	}
	path += separator + "$select=" + strings.Join(properties, ",")
	answer, err := s.graph.Do(ctx, graph.Get(path), nil)
	switch {
	case err != nil:
		return nil, err
	case verdict.Of(answer) == verdict.Missing:
		return nil, nil
	case !answer.OK():
		return nil, refusal{verdict.Failure(answer)}
	}
	if !isList {
		object, err := objectIn(answer)
		return []map[string]json.RawMessage{object}, err
	}
	var list struct{ Value []map[string]json.RawMessage }
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		return nil, unreadable(err)
	}
	return list.Value, nil
}

// lookupPath is where an object is found by an attribute: by an alternate key where Graph
// has one, which finds new objects sooner than a filter.
func lookupPath(entity, attribute, value string) (path string, isList bool) {
	e, _ := schema.Find(entity) // what gets here is known
	switch entity + "/" + attribute {
	case "user/userPrincipalName":
		if strings.HasPrefix(value, "$") {
			return "users('" + quoted(value) + "')", false
		}
		return graph.Object{Set: e.Path, ID: value}.Path(), false
	case "group/uniqueName", "application/uniqueName", "application/appId", "servicePrincipal/appId", "device/deviceId", "directoryRole/roleTemplateId":
		return e.Path + "(" + attribute + "='" + quoted(value) + "')", false
	}
	return e.Path + "?$filter=" + attribute + "%20eq%20'" + quoted(value) + "'", true
}

// quoted encodes a text for a path or a query, between single quotes.
func quoted(text string) string {
	return strings.ReplaceAll(url.QueryEscape(strings.ReplaceAll(text, "'", "''")), "+", "%20")
}
