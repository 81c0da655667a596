package channeltest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/nearside/nearside/model/core/digest"
	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
)

// logKey is a secret key of a log or a witness.
type logKey struct {
	tlog.Key
	secret ed25519.PrivateKey
}

func newLogKey(name string, a tlog.Algorithm, seed byte) logKey {
	secret := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return logKey{tlog.Key{Name: name, Algorithm: a, Public: secret.Public().(ed25519.PublicKey)}, secret}
}

var (
	log      = newLogKey("log.example", tlog.Ed25519, 1)
	witness  = newLogKey("witness.example", tlog.Ed25519Cosignature, 2)
	other    = newLogKey("other.example", tlog.Ed25519Cosignature, 3)
	impostor = newLogKey("log.example", tlog.Ed25519, 4)
)

// Policy asks for the log and one of two witnesses.
func Policy() *tlog.Policy {
	return &tlog.Policy{Log: log.Key, Witnesses: []tlog.Key{witness.Key, other.Key}, Quorum: 1}
}

// proof is one from a log whose single entry this is, signed by some.
func proof(entry []byte, signers ...logKey) []byte {
	head := digest.Leaf(entry)
	text := "log.example\n1\n" + base64.StdEncoding.EncodeToString(head[:]) + "\n"
	b := "c2sp.org/tlog-proof@v1\nindex 0\n\n" + text + "\n"
	for _, s := range signers {
		signed, err := tlog.SignedBytes(s.Key, []byte(text), Created)
		must(err)
		id, err := hex.DecodeString(strings.Split(s.Key.String(), "+")[1])
		must(err)
		if s.Algorithm == tlog.Ed25519Cosignature {
			id = binary.BigEndian.AppendUint64(id, Created)
		}
		b += "— " + s.Name + " " + base64.StdEncoding.EncodeToString(append(id, ed25519.Sign(s.secret, signed)...)) + "\n"
	}
	return []byte(b)
}

// logged serves a root that asks for a log, and a head with a proof.
func logged(make func(m *Mirror, entry []byte) []byte) func(m *Mirror) {
	return func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Log = Policy() }, 0, 1)
		m.Version++
		m.head(func(h *trust.Head) { h.Proof = make(m, trust.LogEntry(Name, h.Release)) }, 3, 4)
	}
}

// provedBy makes the proof of the entry, signed by some.
func provedBy(signers ...logKey) func(m *Mirror, entry []byte) []byte {
	return func(_ *Mirror, entry []byte) []byte { return proof(entry, signers...) }
}

// logs: a publisher, or who has its keys, shows one person what it shows nobody
// else.
var logs = []plan{
	{name: "no proof for a root with a log", want: trust.ErrLog, do: logged(func(*Mirror, []byte) []byte { return nil })},
	{name: "a proof cut short", want: trust.ErrLog, do: logged(func(m *Mirror, entry []byte) []byte { return proof(entry, log, witness)[:90] })},
	{name: "a proof that no witness has signed", want: &trust.LogError{Err: tlog.ErrWitnesses}, do: logged(provedBy(log))},
	{name: "a proof that only witnesses have signed", want: &trust.LogError{Err: tlog.ErrLog}, do: logged(provedBy(witness, other))},
	{name: "a log that signs in the name of another", want: &trust.LogError{Err: tlog.ErrLog}, do: logged(provedBy(impostor, witness))},
	{name: "a proof of another release", want: &trust.LogError{Err: tlog.ErrEntry}, do: logged(func(m *Mirror, _ []byte) []byte {
		first := Frame(m.Bundles[1]).Manifest
		return proof(trust.LogEntry(Name, trust.Release{Version: 1, Digest: trust.Digest(first)}), log, witness)
	})},
	{name: "a proof of the release in another channel", want: &trust.LogError{Err: tlog.ErrEntry}, do: logged(func(m *Mirror, _ []byte) []byte {
		return proof(trust.LogEntry("test/other", m.Release), log, witness)
	})},
	{name: "a proof of the release under another version", want: &trust.LogError{Err: tlog.ErrEntry}, do: logged(func(m *Mirror, _ []byte) []byte {
		r := m.Release
		r.Version++
		return proof(trust.LogEntry(Name, r), log, witness)
	})},
	{name: "a right proof", do: logged(provedBy(log, witness)), then: at(2, 2)},
	{name: "a right proof by the other witness", do: logged(provedBy(log, other)), then: at(2, 2)},
	{name: "a log whose witnesses cannot reach the quorum", want: syntax(trust.DocumentRoot), file: "root", do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Log = Policy(); r.Log.Quorum = 3 }, 0, 1)
	}},
	{name: "a log with a witness twice", want: syntax(trust.DocumentRoot), file: "root", do: func(m *Mirror) {
		m.root(func(r *trust.Root) { r.Log = Policy(); r.Log.Witnesses[1] = r.Log.Witnesses[0] }, 0, 1)
	}},
	{name: "a log whose key is none", want: syntax(trust.DocumentRoot), file: "root", do: func(m *Mirror) {
		m.rootBytes(func([]byte) []byte {
			r := m.Shape.root(2, RootExpires)
			r.Log = Policy()
			return bytes.Replace(rootDoc(r, false), []byte("log.example+"), []byte("log.example "), 1)
		})
	}},
}
