package server

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// WriteReady writes the ready file, whole or not at all.
func WriteReady(file string, ready Ready) (err error) {
	b, err := json.MarshalIndent(ready, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode the ready file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of the ready file: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".ready-*")
	if err != nil {
		return fmt.Errorf("cannot write the ready file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	if _, err := temp.Write(append(b, '\n')); err != nil {
		_ = temp.Close()
		return fmt.Errorf("cannot write the ready file: %w", err)
	}
	if err := temp.Close(); err != nil {
		return fmt.Errorf("cannot write the ready file: %w", err)
	}
	if err := os.Rename(temp.Name(), file); err != nil {
		return fmt.Errorf("cannot write the ready file: %w", err)
	}
	return nil
}
