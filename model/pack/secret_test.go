package pack

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
)

func TestSecretsAreKeptEncryptedForTheirOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "release.key")
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	want := testKeys(t, 3)
	secret, err := want.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if err := SaveSecret(path, secret, identity.Recipient()); err != nil {
		t.Fatal(err)
	}
	if err := SaveSecret(path, secret, identity.Recipient()); !errors.Is(err, os.ErrExist) {
		t.Errorf("saving twice: %v", err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, secret) || bytes.Contains(file, want.ed25519Seed[:]) {
		t.Error("the file has the secret in it")
	}
	doc, err := LoadSecret(path, identity)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseKeys(doc); err != nil || *got != *want {
		t.Errorf("ParseKeys: %v", err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSecret(path, other); !errors.Is(err, ErrPassphrase) {
		t.Errorf("another identity: %v", err)
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadSecret(path, identity); err == nil {
			t.Errorf("mode %04o is read", mode)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{len(file) / 2, len(file) * 3 / 4} {
		broken := bytes.Clone(file)
		broken[at] ^= 1
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadSecret(path, identity); err == nil {
			t.Errorf("a change at byte %d is read", at)
		}
	}
}
