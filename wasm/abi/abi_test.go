package abi

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestEveryStatusIsInABIText(t *testing.T) {
	text, err := os.ReadFile("../ABI.md")
	if err != nil {
		t.Fatal(err)
	}
	for s := StatusOK; int(s) < len(names); s++ {
		row := "| " + strconv.Itoa(int(s)) + " | `" + s.String() + "` |"
		if !strings.Contains(string(text), row) {
			t.Errorf("ABI.md has no row %q", row)
		}
	}
	if got := Status(len(names)).String(); got != "unknown" {
		t.Errorf("the code after the last is named %q, want unknown", got)
	}
}

func TestEveryExportIsInABIText(t *testing.T) {
	text, err := os.ReadFile("../ABI.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		ExportInitialize, ExportABI, ExportAlloc, ExportOpen, ExportOpenEarly, ExportNeeded, ExportComplete, ExportManifest, ExportFollow, ExportItems,
		ExportRecommend, ExportResult, ExportResultLen, ExportMemory,
	} {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("ABI.md has no export %q", name)
		}
	}
}
