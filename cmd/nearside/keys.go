package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
	"github.com/nearside/nearside/model/pack"
)

// publicKey reads the file of a public key.
func publicKey(path string) (trust.Key, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return trust.Key{}, err
	}
	if bytes.HasPrefix(file, []byte("-----BEGIN AGE")) {
		return trust.Key{}, &usageError{
			err:  fmt.Errorf("%s: a secret key", path),
			hint: "who makes a root needs the .pub files beside the keys, and nothing secret",
		}
	}
	k, err := pack.ParseKey(file)
	if err != nil {
		return trust.Key{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// minKeyID is how many digits of a key's id name it.
const minKeyID = 8

// keyOf returns the key of a root that is named by the file of the public key, or
// by the first digits of its id.
func keyOf(root *trust.Root, name string) (trust.Key, error) {
	id := strings.ToLower(name)
	if k, err := publicKey(name); err == nil {
		id = keyID(k)
	} else if len(id) < minKeyID || strings.Trim(id, "0123456789abcdef") != "" {
		return trust.Key{}, err
	}
	var found []trust.Key
	for _, k := range root.Keys {
		if strings.HasPrefix(keyID(k), id) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return trust.Key{}, &usageError{
			err:  fmt.Errorf("%q: %d keys of root %d are meant, want 1", name, len(found), root.Version),
			hint: "nearside inspect prints the ids of a root's keys",
		}
	}
	return found[0], nil
}

// readRoot reads a root that is trusted; nil when no file is named.
func readRoot(path string) (*trust.Root, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := trust.ParseRoot(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// roleOf reads the name of a role.
func roleOf(name string) (trust.Role, error) {
	for _, role := range roles {
		if string(role) == name {
			return role, nil
		}
	}
	return "", &usageError{err: fmt.Errorf("role %q: want root, manifest or head", name)}
}

// thresholds sets how many keys of each role must sign.
func thresholds(p *pack.RootPlan, wanted map[string]int) error {
	for name, n := range wanted {
		role, err := roleOf(name)
		if err != nil {
			return err
		}
		p.Roles()[role].Threshold = n
	}
	return nil
}

// logFlags say in which log a release must be.
type logFlags struct {
	Log     string   `placeholder:"FILE" help:"Public key of a transparency log that each release must be in: the .pub that keygen --log wrote, or a verifier key of C2SP; none: no log."`
	Witness []string `sep:"none" placeholder:"FILE" help:"Public key of a witness of the log, likewise; may be given again."`
	Quorum  int      `placeholder:"N" help:"How many of the witnesses must have seen an entry."`
}

// apply sets a root's policy, where there is a new one.
func (f logFlags) apply(p *pack.RootPlan) error {
	switch {
	case f.Log == "" && (f.Witness != nil || f.Quorum != 0):
		return &usageError{err: errors.New("--witness and --quorum belong to a --log")}
	case f.Log == "none":
		p.Log = nil
	case f.Log != "":
		log, err := verifierKey(f.Log)
		if err != nil {
			return err
		}
		p.Log = &tlog.Policy{Log: log, Quorum: f.Quorum}
		for _, w := range f.Witness {
			k, err := verifierKey(w)
			if err != nil {
				return err
			}
			p.Log.Witnesses = append(p.Log.Witnesses, k)
		}
	}
	return nil
}

// verifierKey reads the key of a log or a witness: itself, or the file that it
// is in.
func verifierKey(arg string) (tlog.Key, error) {
	text := arg
	if strings.HasSuffix(arg, ".pub") {
		b, err := os.ReadFile(arg)
		if err != nil {
			return tlog.Key{}, err
		}
		text = strings.TrimSpace(string(b))
	}
	k, err := tlog.ParseKey(text)
	if err != nil {
		return tlog.Key{}, fmt.Errorf("key %q: %w", arg, err)
	}
	return k, nil
}
