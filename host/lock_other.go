//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package host

import (
	"errors"
	"os"
)

// lock fails: without it two processes could each undo what the other stores.
func lock(name string) (*os.File, error) {
	return nil, errors.New("host: a channel cannot be followed on this system, which has no flock")
}
