package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/nearside/nearside/model/core/wire"
)

// maxSecret bounds the file of a secret, in bytes.
const maxSecret = 64 << 10

// SaveSecret writes a secret to a new file that only its owner may read,
// encrypted to a passphrase or to any other recipient of age. It never
// overwrites: a lost key can't be had back.
func SaveSecret(path string, secret []byte, to age.Recipient) error {
	var b bytes.Buffer
	armored := armor.NewWriter(&b)
	w, err := age.Encrypt(armored, to)
	if err != nil {
		return fmt.Errorf("pack: %s: cannot encrypt: %w", path, err)
	}
	_, err = w.Write(secret)
	if err := errors.Join(err, w.Close(), armored.Close()); err != nil {
		return fmt.Errorf("pack: %s: cannot encrypt: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("pack: %s: a key is already there: %w", path, err)
	}
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	_, err = f.Write(b.Bytes())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}

// Why a secret is not read.
var (
	ErrPassphrase = errors.New("pack: the passphrase or identity does not open it")
	ErrReadable   = errors.New("pack: others may read the secret key")
)

// LoadSecret reads what SaveSecret wrote. A file that others may read is
// refused, encrypted as it is.
func LoadSecret(path string, with age.Identity) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s: mode %04o: %w", path, mode, ErrReadable)
	}
	if info.Size() > maxSecret {
		return nil, fmt.Errorf("pack: %s: %d bytes are no secret key", path, info.Size())
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(file)), with)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, fmt.Errorf("%s: %w", path, ErrPassphrase)
	case err != nil:
		return nil, fmt.Errorf("pack: %s: not an encrypted key: %w", path, err)
	}
	secret, err := io.ReadAll(io.LimitReader(r, maxSecret))
	if err != nil {
		return nil, fmt.Errorf("pack: %s: not an encrypted key: %w", path, err)
	}
	return secret, nil
}

// Bytes returns the secret key's document, for SaveSecret.
func (k *Keys) Bytes() ([]byte, error) {
	w := newWriter()
	w.document("nskey", 3)
	w.binField(1, k.ed25519Seed[:])
	w.binField(2, k.mldsa65Seed[:])
	return w.bytes()
}

// ParseKeys reads what Bytes wrote.
func ParseKeys(doc []byte) (*Keys, error) {
	var k Keys
	d := wire.NewDecoder(doc)
	m := d.Map(3)
	for m.Next() {
		switch m.Key {
		case 0:
			if d.String(16) != "nskey" {
				d.Fail(`"nskey"`)
			}
		case 1:
			d.BinExact(k.ed25519Seed[:])
		case 2:
			d.BinExact(k.mldsa65Seed[:])
		default:
			m.Unknown()
		}
	}
	m.Require(0, 1, 2)
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("pack: not a secret key: %w", err)
	}
	return &k, nil
}
