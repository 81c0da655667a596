package main

import (
	"testing"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/wasm/abi"
)

// TestBundlesRestOnWhatTheModuleSpeaks holds together the two places where a
// version stands: core must not import what lies above the wall.
func TestBundlesRestOnWhatTheModuleSpeaks(t *testing.T) {
	if bundle.ABIVersion > abi.Version {
		t.Errorf("bundle.ABIVersion is %d, abi.Version is %d", bundle.ABIVersion, abi.Version)
	}
}
