package graphapi

import (
	"cmp"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
)

// write sends the answer to a request, compressed if the client takes it so.
// Errors of writing mean that the client is gone.
func (a *API) write(w http.ResponseWriter, r *request) {
	header := w.Header()
	if r.status == http.StatusNoContent {
		w.WriteHeader(r.status)
		return
	}
	if r.location != "" {
		header.Set("Location", r.location)
	}
	if r.minimal {
		header.Set("Preference-Applied", "return=minimal")
	}
	if r.plain {
		header.Set("Content-Type", "text/plain")
		_, _ = w.Write(r.body)
		return
	}
	header.Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	header.Set("OData-Version", "4.0")
	header.Set("Vary", "Accept-Encoding")
	if a.options.NoGzip || !strings.Contains(r.http.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Length", strconv.Itoa(len(r.body)))
		w.WriteHeader(cmp.Or(r.status, http.StatusOK))
		_, _ = w.Write(r.body)
		return
	}
	header.Set("Content-Encoding", "gzip")
	w.WriteHeader(cmp.Or(r.status, http.StatusOK))
	z := a.compressors.Get().(*gzip.Writer)
	defer a.compressors.Put(z)
	z.Reset(w)
	if _, err := z.Write(r.body); err == nil {
		_ = z.Close()
	}
}
