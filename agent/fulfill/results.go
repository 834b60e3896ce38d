package fulfill

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill/journal"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
)

// The endings of the files with results.
const (
	JSONEnding = ".results.json"
	CSVEnding  = ".results.csv"
)

// header is that of the CSV file.
var header = []string{
	"OrderId", "Operation", "State", "Message", "ObjectId", "SystemCode", "RequestId", "Attempts", "Started", "Finished",
}

// WriteResults writes how the orders of an intake ended, or how far they are, to path.results.json
// and path.results.csv, in the sequence of the input. Both are durable when it returns; files that are
// there are replaced. In the CSV file a text that a spreadsheet would take for a formula has an apostrophe
// before it. Errors are those of [journal.Journal.Results] and fault.Storage.
func WriteResults(ctx context.Context, j *journal.Journal, intake uint64, path string) error {
	in, err := j.Intake(intake)
	if err != nil {
		return err
	}
	f, err := createResults(path, struct {
		Connection string `json:"connection"`
		journal.Intake
	}{j.Connection(), in})
	if err != nil {
		return err
	}
	defer f.discard()
	if err := j.Results(ctx, intake, f.add); err != nil {
		return err
	}
	return f.commit()
}

// WriteRefusal writes why an input was refused, in the same two files; its orders have no
// results. The CSV file has a row for each problem, whose message begins with its place.
// Errors are fault.Storage.
func WriteRefusal(path, connection, source string, why error) error {
	problems := problemsOf(why)
	f, err := createResults(path, struct {
		Connection string          `json:"connection"`
		Source     string          `json:"source"`
		State      string          `json:"state"`
		Message    string          `json:"message"`
		Problems   []order.Problem `json:"problems"`
	}{connection, source, "Refused", why.Error(), problems})
	if err != nil {
		return err
	}
	defer f.discard()
	for _, p := range problems {
		id := p.Order
		p.Order = ""
		if err := f.row(order.Result{Order: id, State: order.Errored, Message: p.String(), Hint: p.Hint}); err != nil {
			return err
		}
	}
	return f.commit()
}

// results are the two files while they are written.
type results struct {
	json, csv *durable.File
	text      *bufio.Writer // of json
	rows      *csv.Writer
	some      bool // an order has been written
}

// createResults starts the files; the JSON one is about as an object to which the results are added.
func createResults(path string, about any) (*results, error) {
	head, err := json.Marshal(about)
	if err != nil {
		return nil, fault.Errorf(fault.Internal, "write the results to %s: %w", path, err)
	}
	r := &results{}
	if r.json, err = durable.Create(path + JSONEnding); err != nil {
		return nil, err
	}
	if r.csv, err = durable.Create(path + CSVEnding); err != nil {
		r.discard()
		return nil, err
	}
	r.text, r.rows = bufio.NewWriter(r.json), csv.NewWriter(r.csv)
	r.rows.UseCRLF = true // as RFC 4180 has it
	_, err = r.text.Write(head[:len(head)-1])
	if err == nil {
		_, err = io.WriteString(r.text, `,"results":[`)
	}
	if err == nil {
		err = r.rows.Write(header)
	}
	if err != nil {
		r.discard()
		return nil, err
	}
	return r, nil
}

// add writes one result to both files.
func (r *results) add(result order.Result) error {
	text, err := json.Marshal(result)
	if err != nil {
		return fault.Errorf(fault.Internal, "write the result of order %s: %w", result.Order, err)
	}
	before := "\n"
	if r.some {
		before = ",\n"
	}
	r.some = true
	if _, err := r.text.WriteString(before); err != nil {
		return err
	}
	if _, err := r.text.Write(text); err != nil {
		return err
	}
	return r.row(result)
}

// row writes a result to the CSV file.
func (r *results) row(result order.Result) error {
	message := result.Message
	if message != "" && result.Hint != "" {
		message += ". " + result.Hint
	}
	cells := []string{
		result.Order, string(result.Operation), string(result.State), message, result.ObjectID,
		result.SystemCode, result.RequestID, strconv.Itoa(result.Attempts), stamp(result.Started), stamp(result.Finished),
	}
	for i, text := range cells {
		cells[i] = noFormula(text)
	}
	return r.rows.Write(cells)
}

// noFormula is a text that no spreadsheet takes for a formula: ids and messages hold what others wrote.
// The JSON file has it as it is.
func noFormula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// commit makes the files appear, the JSON one last.
func (r *results) commit() error {
	if _, err := io.WriteString(r.text, "\n]}\n"); err != nil {
		return err
	}
	if err := r.text.Flush(); err != nil {
		return err
	}
	r.rows.Flush()
	if err := r.rows.Error(); err != nil {
		return err
	}
	if err := r.csv.Commit(); err != nil {
		return err
	}
	return r.json.Commit()
}

func (r *results) discard() {
	r.json.Discard()
	if r.csv != nil {
		r.csv.Discard()
	}
}

// problemsOf are the problems that an error tells.
func problemsOf(err error) []order.Problem {
	if refusal, ok := errors.AsType[*order.Refusal](err); ok {
		return refusal.Problems
	}
	p := order.Problem{Message: err.Error()}
	if f := fault.Of(err); f != nil {
		p.Hint = f.Hint
	}
	return []order.Problem{p}
}
