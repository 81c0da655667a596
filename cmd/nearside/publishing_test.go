package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestPublishingPage runs all commands of PUBLISHING.md, as they stand and in
// their order. What is between other fences than sh must be no command.
func TestPublishingPage(t *testing.T) {
	page, err := os.ReadFile("PUBLISHING.md")
	if err != nil {
		t.Fatal(err)
	}
	session := "set -eu\n"
	blocks := 0
	for _, fence := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		switch language, text := fence[1], fence[2]; {
		case language == "sh":
			session += text
			blocks++
		case language == "" || strings.Contains(text, "nearside "):
			t.Errorf("a block of %q that nobody runs:\n%s", language, text)
		}
	}
	if blocks < 15 {
		t.Fatalf("%d blocks of commands: the page has lost some", blocks)
	}
	// What the page ends with holds for devices of the first day, too.
	session += "nearside verify site/news --root bob/first.nsr | grep 'version 4, until'\n"
	session = strings.Replace(session, "cp bob/root.nsr alice\n", "cp bob/root.nsr alice\ncp bob/root.nsr bob/first.nsr\n", 1)
	dir := t.TempDir()
	script := "exec bash page.sh\nstdout '^site/news: channel \"news\" serves version 1, head 1,'\nstdout '^site/news: root 5,'\n"
	if err := os.WriteFile(filepath.Join(dir, "page.txt"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	setup := sessions(t)
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			if err := setup(env); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "page.sh"), []byte(session), 0o644)
		},
	})
}
