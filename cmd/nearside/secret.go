package main

import (
	"errors"
	"fmt"
	"os"

	"filippo.io/age"
	"golang.org/x/term"

	"github.com/nearside/nearside/model/pack"
)

// passphraseVariable holds the passphrase of secret keys where nobody can type
// it.
const passphraseVariable = "NEARSIDE_PASSPHRASE"

// scryptWork is the logarithm of the work that a passphrase costs; 0 is what age
// takes, about a second. Tests alone set it: they prove nothing by waiting.
var scryptWork int

// secretFlags say how secret keys are encrypted.
type secretFlags struct {
	Identity string `placeholder:"FILE" help:"Key file of age that secret keys are encrypted to, instead of a passphrase, which is asked for or taken from NEARSIDE_PASSPHRASE."`
}

// save writes a secret to a new file.
func (f secretFlags) save(path string, secret []byte) error {
	if f.Identity != "" {
		identities, err := f.identities()
		if err != nil {
			return err
		}
		x, ok := identities[0].(*age.X25519Identity)
		if !ok {
			return fmt.Errorf("%s: want a key of age-keygen", f.Identity)
		}
		return pack.SaveSecret(path, secret, x.Recipient())
	}
	phrase, err := passphrase("passphrase for "+path, true)
	if err != nil {
		return err
	}
	to, err := age.NewScryptRecipient(phrase)
	if err != nil {
		return err
	}
	if scryptWork > 0 {
		to.SetWorkFactor(scryptWork)
	}
	return pack.SaveSecret(path, secret, to)
}

// load reads a secret.
func (f secretFlags) load(path string) ([]byte, error) {
	if f.Identity != "" {
		identities, err := f.identities()
		if err != nil {
			return nil, err
		}
		return pack.LoadSecret(path, identities[0])
	}
	if _, err := os.Stat(path); err != nil { // before anybody types
		return nil, err
	}
	phrase, err := passphrase("passphrase of "+path, false)
	if err != nil {
		return nil, err
	}
	with, err := age.NewScryptIdentity(phrase)
	if err != nil {
		return nil, err
	}
	return pack.LoadSecret(path, with)
}

// keys reads a signing key.
func (f secretFlags) keys(path string) (*pack.Keys, error) {
	secret, err := f.load(path)
	if err != nil {
		return nil, err
	}
	k, err := pack.ParseKeys(secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

func (f secretFlags) identities() ([]age.Identity, error) {
	file, err := os.Open(f.Identity)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	identities, err := age.ParseIdentities(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Identity, err)
	}
	return identities, nil
}

// passphrase asks for a passphrase, twice when it is a new one.
func passphrase(prompt string, twice bool) (string, error) {
	if phrase := os.Getenv(passphraseVariable); phrase != "" {
		return phrase, nil
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprintf(os.Stderr, "%s: ", prompt)
		b, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(os.Stderr)
		return string(b), err
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", &usageError{err: errors.New("there is nobody to ask for a passphrase"),
			hint: "set " + passphraseVariable + ", or give --identity a key file of age"}
	}
	phrase, err := ask(prompt)
	if err != nil {
		return "", err
	}
	if phrase == "" {
		return "", errors.New("an empty passphrase protects nothing")
	}
	if !twice {
		return phrase, nil
	}
	again, err := ask("the same again")
	if err == nil && again != phrase {
		err = errors.New("the two passphrases differ")
	}
	return phrase, err
}
