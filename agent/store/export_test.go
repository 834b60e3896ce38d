package store

import "encoding/json"

// Sealed makes a record of the database.
func Sealed(key, content string) []byte {
	value, err := seal([]byte(key), json.RawMessage(content))
	if err != nil {
		return nil
	}
	return value
}
