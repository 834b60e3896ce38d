package change

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-iga/usher/connectors/entra/change/schema"
	"github.com/usher-iga/usher/connectors/entra/change/verdict"
	"github.com/usher-iga/usher/connectors/entra/graph"
	"github.com/usher-iga/usher/connectors/sdk"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// keys finds objects by natural keys. What it has found it remembers, but not what it has
// not: a look-up that finds nothing is shared only by those who ask while it is under way.
type keys struct {
	graph  Graph
	recent *recent
	fresh  *fresh

	mu    sync.Mutex
	known map[key]*lookup
	began int // look-ups
}

// key is a natural key; its value is in lower case, as Entra compares it.
type key struct{ entity, attribute, value string }

type lookup struct {
	number   int // in the sequence of look-ups
	patience time.Duration

	done  chan struct{} // closed when the rest is set
	id    string
	err   error
	until time.Time // from then on it is looked up anew
}

const (
	foundFor = 5 * time.Minute
	// maxKeys bounds the memory; beyond it everything is looked up anew.
	maxKeys = 50000
)

func newKeys(g Graph, r *recent, f *fresh) *keys {
	return &keys{graph: g, recent: r, fresh: f, known: map[key]*lookup{}}
}

// find returns the id of the object that k names. An object that is not found is looked for
// again for as long as patience lasts. Errors: a refusal if there is none or several.
func (s *keys) find(ctx context.Context, entity string, k sdk.ObjectKey, patience time.Duration) (string, error) {
	if k.ID != "" {
		if !schema.IsGUID(k.ID) {
			return k.ID, nil // that of a permission grant, whose case counts
		}
		return strings.ToLower(k.ID), nil
	}
	known := key{entity, k.Attribute, strings.ToLower(k.Value)}
	for asked := s.count(); ; {
		l, mine := s.enter(known, patience)
		if mine {
			id, err := s.look(ctx, entity, k, patience)
			s.leave(known, l, id, err)
			return id, err
		}
		select {
		case <-l.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		switch {
		case isNotFound(l.err) && (l.number <= asked || l.patience < patience):
			// That there is nothing is older than the question, or was said too soon.
		case l.err == nil && s.renamed(l.id, k.Attribute, k.Value):
		default:
			return l.id, l.err
		}
	}
}

// isNotFound reports whether an error is the refusal of an order whose object is not there.
func isNotFound(err error) bool {
	r, ok := errors.AsType[refusal](err)
	return ok && r.fault.Code == fault.NotFound
}

// count is how many look-ups have begun.
func (s *keys) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.began
}

// enter returns the look-up of a key, and whether it is the caller's to do.
func (s *keys) enter(k key, patience time.Duration) (l *lookup, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.known[k]; ok {
		select {
		case <-l.done:
			if s.recent.clock.Now().Before(l.until) && !s.renamed(l.id, k.attribute, k.value) {
				return l, false
			}
		default:
			return l, false
		}
	}
	if len(s.known) >= maxKeys {
		clear(s.known)
	}
	s.began++
	l = &lookup{number: s.began, patience: patience, done: make(chan struct{})}
	s.known[k] = l
	return l, true
}

// leave ends a look-up of the caller's own.
func (s *keys) leave(k key, l *lookup, id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.id, l.err = id, err
	if err == nil && !s.renamed(id, k.attribute, k.value) {
		l.until = s.recent.clock.Now().Add(foundFor)
	} else if s.known[k] == l {
		delete(s.known, k)
	}
	close(l.done)
}

// renamed reports whether an object was given another value lately, so that a copy of the directory
// which shows this one is behind.
func (s *keys) renamed(id, attribute, value string) bool {
	now, ok := s.fresh.value(id, attribute)
	return ok && !alike(now, json.RawMessage(graph.Quote(value)))
}

// learn notes which object has a key from now on.
func (s *keys) learn(entity, attribute, value, id string) {
	l := &lookup{done: make(chan struct{}), id: strings.ToLower(id), until: s.recent.clock.Now().Add(foundFor)}
	close(l.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[key{entity, attribute, strings.ToLower(value)}] = l
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
		found = slices.DeleteFunc(found, func(o map[string]json.RawMessage) bool { return s.renamed(textIn(o, "id"), k.Attribute, k.Value) })
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
	if entity == "directoryRole" { // whose list has no pages
		return s.list(ctx, entity, attribute, value, properties, "")
	}
	return s.list(ctx, entity, attribute, value, properties, "&$top=2")
}

// list reads the objects that have a value, as many as are on one page.
func (s *keys) list(ctx context.Context, entity, attribute, value string, properties []string, page string) ([]map[string]json.RawMessage, error) {
	path, isList := lookupPath(entity, attribute, value)
	if isList {
		path += "&$select=" + strings.Join(properties, ",") + page
	} else {
		path += "?$select=" + strings.Join(properties, ",")
	}
	answer, err := s.graph.Do(ctx, graph.Get(path), nil)
	switch {
	case err != nil:
		return nil, err
	case verdict.Of(answer) == verdict.Missing:
		return nil, nil
	case !answer.OK():
		return nil, refusal{fault: verdict.Failure(answer)}
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
