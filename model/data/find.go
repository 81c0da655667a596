package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// wellKnown lists the names that Find looks for, the likeliest first: of an event
// file, and of the item file that goes with it.
var wellKnown = []struct{ events, items string }{
	{"events.csv", "items.csv"},
	{"events.tsv", "items.tsv"},
	{"events.jsonl", "items.jsonl"},
	{"events.parquet", "items.parquet"},
	{"ratings.csv", "movies.csv"},              // MovieLens latest, 20M, 25M, 32M
	{"ratings.dat", "movies.dat"},              // MovieLens 1M, 10M
	{"ratings_no_timestamp.dat", "movies.dat"}, // MovieLens 1M without times
	{"u.data", "u.item"},                       // MovieLens 100K
	{"train.txt", ""},                          // LightGCN
}

// suffixes are how a file that Find looks for may be compressed.
var suffixes = []string{"", ".gz", ".zst"}

// Find names the event file in the folder dir, and the item file beside it or
// "" when there is none. The names it knows are events and items with the
// endings .csv, .tsv, .jsonl and .parquet, those of MovieLens and LightGCN's
// train.txt, each also with .gz or .zst behind it; items may have another
// ending than events. The error of a folder without an event file lists the
// names.
func Find(dir string) (events, items string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", "", fmt.Errorf("data: %w", err)
	}
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.Name()] = !e.IsDir()
	}
	first := func(name string) string {
		for _, suffix := range suffixes {
			if name != "" && there[name+suffix] {
				return filepath.Join(dir, name+suffix)
			}
		}
		return ""
	}
	looked := make([]string, len(wellKnown))
	for i, k := range wellKnown {
		looked[i] = k.events
		if events = first(k.events); events == "" {
			continue
		}
		if items = first(k.items); items == "" {
			for _, other := range wellKnown {
				if strings.HasPrefix(other.items, "items.") && items == "" {
					items = first(other.items)
				}
			}
		}
		return events, items, nil
	}
	return "", "", fmt.Errorf("data: %s: no event file: looked for %s, each also with %s",
		dir, strings.Join(looked, ", "), strings.Join(suffixes[1:], " or "))
}
