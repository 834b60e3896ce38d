package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// fetched is what a bare download took.
type fetched struct {
	wall    time.Duration
	pages   int64
	bytes   int64
	longest int64 // pages of the longest chain
}

// selections are the collections of the default mapping, with what the export asks
// of each: those of its columns that the entity has, and the navigations.
func selections() map[string]string {
	return map[string]string{
		"users":             strings.Join(columns(), ","),
		"groups":            "id,createdDateTime,displayName,mail,proxyAddresses,members,owners",
		"directoryRoles":    "id,displayName,members",
		"servicePrincipals": "id,accountEnabled,displayName",
	}
}

// fetch follows all chains side by side and discards what comes. Like the export it
// asks for the next page as soon as the head of the current one has arrived.
func (s *site) fetch(ctx context.Context) (fetched, error) {
	began := time.Now()
	client, token, err := s.client(ctx)
	if err != nil {
		return fetched{}, err
	}
	defer client.CloseIdleConnections()
	group, ctx := errgroup.WithContext(ctx)
	chains := make(chan fetched, len(selections()))
	for collection, properties := range selections() {
		group.Go(func() error {
			chain, err := follow(ctx, client, token, s.sandbox.Tenant.URL+"/v1.0/"+collection+"/delta?$select="+properties)
			chains <- chain
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fetched{}, err
	}
	close(chains)
	total := fetched{wall: time.Since(began)}
	for chain := range chains {
		total.pages += chain.pages
		total.bytes += chain.bytes
		total.longest = max(total.longest, chain.pages)
	}
	return total, nil
}

// headSize is how much of a page is looked at: the links come first.
const headSize = 4 << 10

func follow(ctx context.Context, client *http.Client, token, link string) (fetched, error) {
	var chain fetched
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(1) // one page drains while the next is asked for
	var err error
	for link != "" && err == nil {
		var body io.ReadCloser
		if body, err = get(ctx, client, token, link); err != nil {
			break
		}
		head := make([]byte, headSize)
		n, readErr := io.ReadFull(body, head)
		if readErr != nil && !errors.Is(readErr, io.ErrUnexpectedEOF) {
			err = readErr
		}
		chain.pages++
		link = nextLink(head[:n])
		group.Go(func() error {
			defer body.Close()
			rest, err := io.Copy(io.Discard, body)
			chain.bytes += int64(n) + rest
			return err
		})
	}
	return chain, errors.Join(err, group.Wait())
}

func get(ctx context.Context, client *http.Client, token, link string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s: %s: %s", link, resp.Status, text)
	}
	return resp.Body, nil
}

// nextLink finds the link in the head of a page; it has no need of JSON.
func nextLink(head []byte) string {
	_, after, found := bytes.Cut(head, []byte(`"@odata.nextLink":"`))
	if !found {
		return ""
	}
	link, _, _ := bytes.Cut(after, []byte(`"`))
	return string(link)
}

// token signs in.
func (s *site) token(ctx context.Context, client *http.Client) (string, error) {
	t := s.sandbox.Tenant
	form := url.Values{
		"client_id": {t.ClientID}, "client_secret": {t.ClientSecret},
		"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Authority+"/"+t.TenantID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error_description"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", err
	}
	if answer.AccessToken == "" {
		return "", errors.New(answer.Error)
	}
	return answer.AccessToken, nil
}
