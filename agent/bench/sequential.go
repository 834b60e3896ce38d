package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// sample is how many orders are carried out one request at a time; the time of more
// is reckoned from it.
const sample = 100

// post is one request of somebody who carries out orders one by one.
type post struct {
	path string // below the root of Graph
	body any
}

// oneByOne sends a sample of requests, each when the one before is answered, over one
// connection, and returns the time of one.
func (s *site) oneByOne(ctx context.Context, posts []post) (time.Duration, error) {
	client, token, err := s.client(ctx)
	if err != nil {
		return 0, err
	}
	defer client.CloseIdleConnections()
	began := time.Now()
	for _, p := range posts {
		if err := send(ctx, client, token, s.sandbox.Tenant.URL+"/v1.0/"+p.path, p.body); err != nil {
			return 0, err
		}
	}
	return time.Since(began) / time.Duration(len(posts)), nil
}

func send(ctx context.Context, client *http.Client, token, url string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body) // or the connection is not used again
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("POST %s: %s: %s", url, resp.Status, answer)
	}
	return err
}
