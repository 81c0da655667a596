package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script that knows the verbs and their flags; all else is left
// to the shell, which completes file names.
func (c *completionCmd) Run(k *kong.Context) error {
	switch c.Shell {
	case "fish":
		fmt.Print(fishCompletion(k.Model.Children))
	case "zsh":
		fmt.Print("autoload -U +X bashcompinit && bashcompinit\n" + bashCompletion(k.Model.Children))
	default:
		fmt.Print(bashCompletion(k.Model.Children))
	}
	return nil
}

func bashCompletion(verbs []*kong.Node) string {
	var names []string
	var cases strings.Builder
	for _, verb := range verbs {
		names = append(names, verb.Name)
		var flags []string
		for _, f := range verb.Flags {
			flags = append(flags, "--"+f.Name)
		}
		fmt.Fprintf(&cases, "    %s) words=%q ;;\n", verb.Name, strings.Join(append(flags, "--help"), " "))
	}
	return fmt.Sprintf(`_nearside() {
  local cur=${COMP_WORDS[COMP_CWORD]} words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=%q
  else
    case "${COMP_WORDS[1]}" in
%s    esac
    case "$cur" in -*) ;; *) words="" ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _nearside nearside
`, strings.Join(names, " "), cases.String())
}

func fishCompletion(verbs []*kong.Node) string {
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
	}
	var b strings.Builder
	for _, verb := range verbs {
		fmt.Fprintf(&b, "complete -c nearside -n __fish_use_subcommand -f -a %s -d %s\n", verb.Name, quote(verb.Help))
		for _, f := range verb.Flags {
			takes := " -r"
			if f.IsBool() {
				takes = ""
			}
			fmt.Fprintf(&b, "complete -c nearside -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n",
				verb.Name, f.Name, takes, quote(f.Help))
		}
	}
	return b.String()
}
