package graphapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// query is the parameters of a request.
type query struct {
	selects, filter, top, search, orderby, expand string
	count                                         bool
	latest                                        bool   // $deltatoken=latest
	restart                                       bool   // an empty $deltatoken
	skiptoken                                     string // still escaped
	deltatoken                                    string // still escaped
	others                                        int    // parameters besides a token
}

// maxQueryLength is how long a query string may be; tokens carry parts of it.
const maxQueryLength = 16 << 10

// parseQuery reads a query string. Names may stand with or without $, which
// may be escaped.
func parseQuery(raw string) (query, error) {
	var q query
	if len(raw) > maxQueryLength {
		return q, &apiError{status: http.StatusRequestURITooLong, code: "UriTooLong", message: "The request URI is too long."}
	}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		escapedName, escaped, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(escapedName)
		if err != nil {
			return q, errBadRequest("BadRequest", "The query string is not valid.")
		}
		value, err := url.QueryUnescape(escaped)
		if err != nil {
			return q, errBadRequest("BadRequest", "The query string is not valid.")
		}
		if err := q.set(strings.ToLower(strings.TrimPrefix(name, "$")), name, value, escaped); err != nil {
			return q, err
		}
	}
	return q, nil
}

func (q *query) set(key, name, value, escaped string) error {
	q.others++
	switch key {
	case "select":
		q.selects = value
	case "filter":
		q.filter = value
	case "top":
		q.top = value
	case "search":
		q.search = value
	case "orderby":
		q.orderby = value
	case "expand":
		q.expand = value
	case "count":
		q.count = value == "true"
	case "skiptoken":
		q.skiptoken = escaped
		q.others--
	case "deltatoken":
		q.deltatoken, q.latest, q.restart = escaped, value == "latest", value == ""
		if !q.latest && !q.restart {
			q.others--
		}
	default:
		if strings.HasPrefix(name, "$") {
			return errBadRequest("BadRequest", fmt.Sprintf(
				"The query parameter '%s' is not supported.", name))
		}
		// Unknown parameters without $ are ignored.
	}
	return nil
}

// size reads $top.
func (q *query) size() (int, error) {
	if q.top == "" {
		return defaultPageSize, nil
	}
	n, err := strconv.Atoi(q.top)
	if err != nil || n < 0 {
		return 0, errBadRequest("BadRequest", fmt.Sprintf(
			"Invalid value '%s' for $top query option found. The $top query option requires a non-negative integer value.", q.top))
	}
	if n < 1 || n > maxPageSize {
		return 0, errUnsupported(fmt.Sprintf("Invalid page size specified: '%d'. Must be between 1 and %d inclusive.", n, maxPageSize))
	}
	return n, nil
}

// splitNames splits a $select.
func splitNames(text string) []string {
	names := strings.Split(text, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}
