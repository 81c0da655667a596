package translog

import "context"

// Reader reads the files of one log, under names with slashes.
type Reader interface {
	// Get returns a file. The error is fs.ErrNotExist when there is none.
	Get(ctx context.Context, name string) ([]byte, error)
}

// Store holds the files of one log.
type Store interface {
	Reader
	// Put writes a file, or overwrites it, whole or not at all.
	Put(ctx context.Context, name string, body []byte) error
}
