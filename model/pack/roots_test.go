package pack

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
)

func TestPublicKeyRoundTrip(t *testing.T) {
	want := testKeys(t, 1).Public()
	doc, err := EncodeKey(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseKey(doc); err != nil || got.ID() != want.ID() {
		t.Errorf("got %x, %v, want %x", got.ID(), err, want.ID())
	}
	secret, err := testKeys(t, 1).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for what, doc := range map[string][]byte{"nothing": nil, "cut off": doc[:len(doc)-1], "longer": append(doc, 0), "secret": secret} {
		if _, err := ParseKey(doc); err == nil {
			t.Errorf("%s: was read", what)
		}
	}
}

// plan gives three keys their roles: two sign roots and manifests, one heads.
func plan(t *testing.T) (RootPlan, []*Keys) {
	keys := []*Keys{testKeys(t, 1), testKeys(t, 2), testKeys(t, 3)}
	two := Signers{Threshold: 2, Keys: []trust.Key{keys[0].Public(), keys[1].Public()}}
	return RootPlan{
		Version: 1, Expires: expires, Root: two, Manifest: two,
		Head: Signers{Threshold: 1, Keys: []trust.Key{keys[2].Public()}},
	}, keys
}

// rootOf signs a plan and reads it as a device does.
func rootOf(t *testing.T, p RootPlan, keys ...*Keys) *trust.Root {
	t.Helper()
	file, err := p.Unsigned()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trust.ParseRoot(file); err == nil {
		t.Error("a root that nobody has signed was trusted")
	}
	d, err := ParseDocument(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys { // one after the other, as on two machines
		if file, err = d.Sign(k); err != nil {
			t.Fatal(err)
		}
		if d, err = ParseDocument(file); err != nil {
			t.Fatal(err)
		}
		r, err := trust.ParseRoot(d.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if signers, err := d.Signers(r); err != nil || len(signers) != i+1 {
			t.Errorf("%d signers, %v, want %d", len(signers), err, i+1)
		}
	}
	r, err := trust.ParseRoot(file)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRootPlanRoundTrip(t *testing.T) {
	p, keys := plan(t)
	p.Log = &tlog.Policy{
		Log:       tlog.Key{Name: "log.example", Algorithm: tlog.Ed25519, Public: bytes.Repeat([]byte{1}, 32)},
		Witnesses: []tlog.Key{{Name: "witness.example", Algorithm: tlog.Ed25519Cosignature, Public: bytes.Repeat([]byte{2}, 32)}}, Quorum: 1,
	}
	r := rootOf(t, p, keys[:2]...)
	if diff := cmp.Diff(p, PlanOf(r)); diff != "" {
		t.Error(diff)
	}
	if len(r.Keys) != 3 {
		t.Errorf("%d keys, want 3: each once", len(r.Keys))
	}
}

func TestRootPlanChanges(t *testing.T) {
	p, keys := plan(t)
	before := PlanOf(rootOf(t, p, keys[:2]...))
	after := before
	dave := testKeys(t, 4)
	after.Replace(keys[0].Public(), dave.Public())
	after.Remove(keys[2].Public())
	after.Head.Keys = append(after.Head.Keys, keys[1].Public())
	r := rootOf(t, after, dave, keys[1])
	want := []*Keys{dave, keys[1]}
	for i, k := range r.Keys {
		if k.ID() != want[i].Public().ID() {
			t.Errorf("key %d is another", i)
		}
	}
	if diff := cmp.Diff(p, before); diff != "" {
		t.Errorf("the plan before has changed: %s", diff)
	}
}

func TestRootPlanRefuses(t *testing.T) {
	for want, edit := range map[string]func(*RootPlan){
		"role root: 0 of 2":     func(p *RootPlan) { p.Root.Threshold = 0 },
		"role manifest: 3 of 2": func(p *RootPlan) { p.Manifest.Threshold = 3 },
		"role head: 1 of 0":     func(p *RootPlan) { p.Remove(p.Head.Keys[0]) },
		"twice":                 func(p *RootPlan) { p.Head.Keys = append(p.Head.Keys, p.Head.Keys[0]) },
	} {
		p, _ := plan(t)
		edit(&p)
		if _, err := p.Unsigned(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
