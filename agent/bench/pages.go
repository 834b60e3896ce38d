package main

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
)

// page is a page of changes.
type page struct {
	Value []json.RawMessage `json:"value"`
	Next  string            `json:"@odata.nextLink"`
	Delta string            `json:"@odata.deltaLink"`
}

// marks gives links from which changes can be read, by collection.
func (s *site) marks(ctx context.Context) (map[string]string, error) {
	client, token, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	marks := map[string]string{}
	for collection, properties := range selections() {
		p, err := getPage(ctx, client, token, s.sandbox.Tenant.URL+"/v1.0/"+collection+"/delta?$deltatoken=latest&$select="+properties)
		if err != nil {
			return nil, err
		}
		marks[collection] = p.Delta
	}
	return marks, nil
}

// changedPages counts the pages that hold what has changed since marks, by collection.
func (s *site) changedPages(ctx context.Context, marks map[string]string) (map[string]int, error) {
	client, token, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	pages := map[string]int{}
	for collection, link := range marks {
		for link != "" {
			p, err := getPage(ctx, client, token, link)
			if err != nil {
				return nil, err
			}
			if len(p.Value) > 0 {
				pages[collection]++
			}
			link = p.Next
		}
	}
	return pages, nil
}

func getPage(ctx context.Context, client *http.Client, token, link string) (page, error) {
	body, err := get(ctx, client, token, link)
	if err != nil {
		return page{}, err
	}
	defer body.Close()
	var p page
	return p, json.NewDecoder(body).Decode(&p)
}

// stamp tells whether a file was written anew.
type stamp struct {
	path string
	info os.FileInfo
}

func (s stamp) isOf(other stamp) bool {
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() && s.info.ModTime().Equal(other.info.ModTime())
}

// stamps are those of all files in a folder and below.
func stamps(folder string) ([]stamp, error) {
	var all []stamp
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		all = append(all, stamp{path, info})
		return err
	})
	return all, err
}

// writtenSince gives the paths of files that are none of before, under whatever name.
func writtenSince(before []stamp, folder string) ([]string, error) {
	now, err := stamps(folder)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, file := range now {
		isOld := false
		for _, old := range before {
			isOld = isOld || file.isOf(old)
		}
		if !isOld {
			paths = append(paths, file.path)
		}
	}
	return paths, nil
}
