package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestWorldIsASetOfPairs: nobody meets an item twice, nothing held out is in
// training, there are as many pairs as were wanted, and the same seed makes the
// same bytes.
func TestWorldIsASetOfPairs(t *testing.T) {
	s := shape{pairs: 3000, items: 200, kinds: 10, mean: 8, seed: 3}
	var train, held bytes.Buffer
	if err := s.writeTo(&train, &held); err != nil {
		t.Fatal(err)
	}
	pairs, out := map[string]bool{}, 0
	for k, text := range []string{train.String(), held.String()} {
		for line := range strings.Lines(text) {
			words := strings.Fields(line)
			for _, item := range words[1:] {
				pair := words[0] + " " + item
				if pairs[pair] {
					t.Errorf("pair %s is there twice", pair)
				}
				pairs[pair] = true
				out += k
			}
		}
	}
	if len(pairs) != s.pairs || out < s.pairs/10 || out > s.pairs/5 {
		t.Errorf("%d pairs, %d of them held out, want %d, and up to a fifth", len(pairs), out, s.pairs)
	}
	var again bytes.Buffer
	if err := s.writeTo(&again, new(bytes.Buffer)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(train.Bytes(), again.Bytes()) {
		t.Error("the same seed made other pairs")
	}
}
