package graphapi

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
)

// write sends a JSON body, compressed if the client takes it so. Its error is
// always nil: a failed write means that the client is gone.
func (a *API) write(w http.ResponseWriter, r *http.Request, body []byte) error {
	header := w.Header()
	header.Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	header.Set("OData-Version", "4.0")
	header.Set("Vary", "Accept-Encoding")
	if a.options.NoGzip || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
		return nil
	}
	header.Set("Content-Encoding", "gzip")
	z := a.compressors.Get().(*gzip.Writer)
	defer a.compressors.Put(z)
	z.Reset(w)
	if _, err := z.Write(body); err == nil {
		_ = z.Close()
	}
	return nil
}
