package pack

import (
	"fmt"
	"slices"

	"github.com/nearside/nearside/model/core/tlog"
	"github.com/nearside/nearside/model/core/trust"
)

// RootPlan is a root as people speak of it: who signs what, and how many of them
// must. In the document a role names places in one list of keys.
type RootPlan struct {
	Version              uint64
	Expires              int64 // Unix seconds
	Root, Manifest, Head Signers
	Log                  *tlog.Policy // nil: heads need no proof
}

// Signers are the keys of a role, of which Threshold must sign.
type Signers struct {
	Threshold int
	Keys      []trust.Key
}

// PlanOf returns what a root says.
func PlanOf(r *trust.Root) RootPlan {
	p := RootPlan{Version: r.Version, Expires: r.Expires, Log: r.Log}
	for role, signers := range p.Roles() {
		set := r.Roles.Of(role)
		signers.Threshold = set.Threshold
		for _, i := range set.Keys {
			signers.Keys = append(signers.Keys, r.Keys[i])
		}
	}
	return p
}

// Roles returns the signers by role.
func (p *RootPlan) Roles() map[trust.Role]*Signers {
	return map[trust.Role]*Signers{trust.RoleRoot: &p.Root, trust.RoleManifest: &p.Manifest, trust.RoleHead: &p.Head}
}

// Remove takes a key out of every role.
func (p *RootPlan) Remove(k trust.Key) {
	for _, s := range p.Roles() {
		s.Keys = slices.DeleteFunc(slices.Clone(s.Keys), func(other trust.Key) bool { return other.ID() == k.ID() })
	}
}

// Replace puts a key into every role that another one has.
func (p *RootPlan) Replace(old, new trust.Key) {
	for _, s := range p.Roles() {
		s.Keys = slices.Clone(s.Keys)
		for i, k := range s.Keys {
			if k.ID() == old.ID() {
				s.Keys[i] = new
			}
		}
	}
}

// Unsigned returns the envelope of the root that was planned, which nobody has
// signed yet. A plan that no device would take is an error.
func (p RootPlan) Unsigned() ([]byte, error) {
	r := &trust.Root{Version: p.Version, Expires: p.Expires, Log: p.Log}
	places := map[[trust.KeyIDSize]byte]int{}
	for _, role := range []trust.Role{trust.RoleRoot, trust.RoleManifest, trust.RoleHead} {
		s, set := p.Roles()[role], r.Roles.Of(role)
		if s.Threshold < 1 || s.Threshold > len(s.Keys) {
			return nil, fmt.Errorf("pack: role %s: %d of %d keys: want a threshold from 1 to the number of keys", role, s.Threshold, len(s.Keys))
		}
		set.Threshold = s.Threshold
		for _, k := range s.Keys {
			place, ok := places[k.ID()]
			if !ok {
				place = len(r.Keys)
				places[k.ID()], r.Keys = place, append(r.Keys, k)
			}
			if slices.Contains(set.Keys, place) {
				return nil, fmt.Errorf("pack: role %s: key %x twice: it counts once", role, k.ID())
			}
			set.Keys = append(set.Keys, place)
		}
		slices.Sort(set.Keys)
	}
	return SignedRoot(r)
}
