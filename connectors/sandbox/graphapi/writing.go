package graphapi

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/usher-iga/usher/connectors/sandbox/batch"
	"github.com/usher-iga/usher/connectors/sandbox/edit"
	"github.com/usher-iga/usher/connectors/sandbox/journal"
	"github.com/usher-iga/usher/connectors/sandbox/tenant"
)

// mostBody is how long the body of a request may be.
const mostBody = 4 << 20

// setUpWrites fills in the hooks that may be missing.
func (a *API) setUpWrites() {
	if a.hooks.Committed == nil {
		a.hooks.Committed = func(uint64) {}
	}
	if a.hooks.ChargeWrite == nil {
		a.hooks.ChargeWrite = func(string, int) (http.Header, bool) { return nil, false }
	}
	a.router = newRouter()
	a.ServeInner(a)
}

// ServeInner lets a handler serve the single requests in batches, for faults of
// their own; at first the API does. It is called before the first request.
func (a *API) ServeInner(by http.Handler) {
	a.inner = Identified(a.world.Seed()+1, by) // other ids than those of the batches
}

// Journal is what writes have done.
func (a *API) Journal() *journal.Journal { return &a.journal }

func isBatch(u *url.URL) bool {
	_, segments, err := splitPath(u)
	return err == nil && len(segments) == 1 && strings.EqualFold(segments[0], "$batch")
}

// batch answers POST /$batch.
func (a *API) batch(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return errNotAllowed()
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	answers, err := batch.Answer(r, body, a.inner, a.traffic.begin)
	if refusal, ok := errors.AsType[*batch.Error](err); ok {
		return errBadRequest(refusal.Code, refusal.Message)
	}
	if err != nil {
		return err
	}
	a.write(w, &request{api: a, http: r, body: answers})
	return nil
}

// readBody reads a request's body, which must say that it is JSON.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return nil, &apiError{status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLarge", message: "The request body is too large."}
	}
	if err != nil {
		return nil, errBadRequest("BadRequest", "The request body cannot be read.")
	}
	if len(body) == 0 {
		return body, nil
	}
	switch kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); {
	case kind == "" && r.Method != http.MethodDelete:
		return nil, errBadRequest("BadRequest", "Write requests (excluding DELETE) must contain the Content-Type header declaration.")
	case kind != "" && !strings.EqualFold(strings.TrimSpace(kind), "application/json"):
		return nil, &apiError{status: http.StatusUnsupportedMediaType, code: "BadRequest", message: "Unsupported media type " + kind + "."}
	}
	return body, nil
}

// writing is a request that is no GET, on its way.
type writing struct {
	*request
	*edit.Edit
	operation *operation
	params    []string
	in        edit.Body
}

// serveWrite answers a request that is no GET.
func (a *API) serveWrite(w http.ResponseWriter, r *http.Request, who Principal) error {
	version, segments, err := splitPath(r.URL)
	if err != nil {
		return err
	}
	op, params, err := a.router.find(r.Method, r.URL, segments)
	if err != nil {
		return err
	}
	if !a.allowed(who, op.needs...) {
		return errForbidden()
	}
	data, err := readBody(w, r)
	if err != nil {
		return err
	}
	in, failed := op.read(data)
	if err := a.chargeWrite(w, who, op, in); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if collides(r) && !op.reads {
		return &apiError{status: http.StatusConflict, code: "Directory_ConcurrencyViolation",
			message: "Error due to concurrent requests being made to the object. Please wait briefly and retry."}
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	request := &request{api: a, http: r, query: q, who: who,
		target: target{version: version, path: "/" + strings.ToLower(strings.Join(segments, "/"))}}
	writing := &writing{request: request, operation: op, params: params, in: in}
	if op.reads {
		err = writing.read()
	} else {
		err = writing.commit(w, "/"+strings.Join(segments, "/"))
	}
	if err != nil {
		return err
	}
	a.write(w, request)
	return nil
}

// chargeWrite books what a request costs. Twenty references in one request cost
// less than twenty requests: one write for three, as Microsoft has told others.
func (a *API) chargeWrite(w http.ResponseWriter, who Principal, op *operation, in edit.Body) error {
	units := max(1, op.units)
	header, throttled := a.hooks.Charge(who.AppID, units)
	maps.Copy(w.Header(), header)
	if throttled {
		return errThrottled()
	}
	if op.reads {
		return nil
	}
	bound := len(in.Texts("members@odata.bind")) + len(in.Texts("owners@odata.bind"))
	header, throttled = a.hooks.ChargeWrite(who.AppID, max(1, (bound+2)/3))
	maps.Copy(w.Header(), header)
	if throttled {
		return errThrottled()
	}
	return nil
}

// read does an operation that changes nothing.
func (w *writing) read() error {
	w.view = w.api.world.View(w.api.hooks.Visible(false))
	defer w.view.Close()
	return w.operation.do(w)
}

// commit does an operation and notes in the journal what it has done.
func (w *writing) commit(response http.ResponseWriter, path string) error {
	visible, before, now := w.api.hooks.Visible(false), uint64(0), w.api.hooks.Now()
	version, err := w.api.world.Write(func(writer *tenant.Writer) error {
		before = writer.Version()
		w.Edit = &edit.Edit{Writer: writer, Now: now, Visible: visible, Caller: edit.Caller{
			Allowed:        func(permissions ...string) bool { return w.api.allowed(w.who, permissions...) },
			DirectoryRoles: w.who.DirectoryRoles,
		}}
		w.view = writer.View
		w.status = http.StatusNoContent
		if err := w.operation.do(w); err != nil {
			return err
		}
		w.api.journal.Add(journal.Entry{
			Time: now, RequestID: response.Header().Get("request-id"), ClientRequestID: w.http.Header.Get("client-request-id"),
			Method: w.http.Method, Path: path, Version: writer.Version(), Effects: w.Effects(),
		})
		return nil
	})
	if version > before {
		w.api.hooks.Committed(version)
	}
	return err
}

// object finds the object of a kind that a parameter names, as far as this
// request knows it.
func (w *writing) object(kind tenant.Kind, id string) (tenant.Ref, error) {
	if w.Edit == nil {
		return findObject(w.view, kind, id)
	}
	r, err := findObject(w.View, kind, id)
	if err == nil && w.Unseen(r) {
		return r, errNotFound(id)
	}
	return r, err
}

// subject is the object that the path begins with.
func (w *writing) subject() (tenant.Ref, error) { return w.object(w.operation.kind, w.params[0]) }

// created answers with an object that was made.
func (w *writing) created(r tenant.Ref, set string) error {
	w.status = http.StatusCreated
	name := r.Kind.Entity()
	w.location = "https://" + w.http.Host + "/v2/" + w.TenantID() + "/directoryObjects/" + w.ID(r) + "/Microsoft.DirectoryServices." +
		strings.ToUpper(name[:1]) + name[1:]
	return w.tell(r, set, false)
}

// tell answers with an object as it is now.
func (w *writing) tell(r tenant.Ref, set string, typed bool) error {
	fields, err := w.api.selectFor(w.api.world.Schema(r.Kind), w.query.selects, asksGet, w.who)
	if err != nil {
		return err
	}
	w.view = w.View
	w.appendObject(r, fields, set, typed)
	return nil
}

// answerValue answers with a value that is no object.
func (w *writing) answerValue(kind string, value any) error {
	w.status = http.StatusOK
	return w.answerJSON(entry{"@odata.context": w.context() + kind, "value": value})
}

// idsOf is a list of ids in the body.
func (w *writing) idsOf(name string, most int) ([]string, error) {
	ids := w.in.Texts(name)
	if len(ids) == 0 || len(ids) > most {
		return nil, edit.Bad("The parameter '%s' must hold 1 to %d ids.", name, most)
	}
	return ids, nil
}
