package seal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestInspectReadsEveryKind(t *testing.T) {
	module := []byte(header)
	module = appendSection(module, sectionImport, number(4),
		text("env"), text("f"), []byte{0, 0},
		text("env"), text("t"), []byte{1, 0x70, 0, 9}, // a table of 9 functions and more
		text("env"), text("m"), []byte{2, 1, 1, 2}, // a memory of 1 to 2 pages
		text("env"), text("g"), []byte{3, i64[0], 1}, // a variable
	)
	module = appendSection(module, sectionMemory, number(1), []byte{1, 3, 0x80, 0x80, 0x04})
	module = appendSection(module, sectionExport, number(4),
		text("f"), []byte{0, 0}, text("t"), []byte{1, 0}, text("m"), []byte{2, 0}, text("g"), []byte{3, 0})

	got, err := Inspect(module)
	if err != nil {
		t.Fatal(err)
	}
	want := Info{
		Imports: []Import{
			{Module: "env", Name: "f", Kind: KindFunction},
			{Module: "env", Name: "t", Kind: KindTable},
			{Module: "env", Name: "m", Kind: KindMemory},
			{Module: "env", Name: "g", Kind: KindGlobal},
		},
		Exports: []Export{{"f", KindFunction}, {"t", KindTable}, {"m", KindMemory}, {"g", KindGlobal}},
		Memory:  Memory{Min: 3, Max: 65536, Limited: true},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Import{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestInspectOfAnEmptyModule(t *testing.T) {
	got, err := Inspect([]byte(header))
	if diff := cmp.Diff(Info{}, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

func TestInspectRefuses(t *testing.T) {
	section := func(id int, parts ...[]byte) []byte {
		return appendSection([]byte(header), id, parts...)
	}
	rows := []struct {
		name   string
		module []byte
		want   string // part of the error
	}{
		{"two memories", section(sectionMemory, number(2), []byte{0, 1}), "byte 11: 2 memories"},
		{"shared memory", section(sectionMemory, number(1), []byte{3, 1, 1}), "limits flag 3"},
		{"bytes after the memory", section(sectionMemory, number(1), []byte{0, 1, 0}), "1 bytes too many"},
		{"more exports than bytes", section(sectionExport, number(1000)), "1000 announced, 0 bytes left"},
		{"long name", section(sectionExport, number(1), []byte{9, 'f'}), "9 announced, 1 bytes left"},
		{"import of a kind unknown", section(sectionImport, number(1), text(""), text(""), []byte{4, 0}), "kind 4"},
		{"cut import", section(sectionImport, number(1), text("env"), text("g"), []byte{3}), "2 bytes wanted, 0 left"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := Inspect(row.module)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want the error %q", err, row.want)
			}
		})
	}
}
