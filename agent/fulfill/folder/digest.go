package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/usher-iga/usher/agent/durable"
)

// digestOf is the digest of a file's content. A file that is not there is fs.ErrNotExist.
func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return "", durable.Fault(err, "read", path)
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", durable.Fault(err, "read", path)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
