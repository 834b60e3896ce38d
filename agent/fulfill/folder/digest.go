package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/usher-iga/usher/agent/durable"
	"github.com/usher-iga/usher/agent/fulfill"
	"github.com/usher-iga/usher/agent/fulfill/order"
	"github.com/usher-iga/usher/connectors/sdk/fault"
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

// sameReader reads a file and finds out whether it is still the one that was looked at before.
type sameReader struct {
	from         io.Reader
	hash         hash.Hash
	digest, path string
}

func (r *sameReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.hash.Write(p[:n])
	if err != nil && err != io.EOF {
		err = durable.Fault(err, "read", r.path)
	}
	return n, err
}

// decoder is decode, with an error of code Conflict if the file has changed meanwhile.
func (r *sameReader) decoder(decode fulfill.Decoder) fulfill.Decoder {
	return func(name string, from io.Reader, emit func(order.Order) error) error {
		decoded := decode(name, from, emit)
		if _, err := io.Copy(io.Discard, from); err != nil {
			return err
		}
		if hex.EncodeToString(r.hash.Sum(nil)) != r.digest {
			return fault.Errorf(fault.Conflict, "the file %s changed while it was read", r.path).
				WithHint("Write files elsewhere and move them into the folder when they are whole")
		}
		return decoded
	}
}
