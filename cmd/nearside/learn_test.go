package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// TestWhatIsGoneIsForgotten: of yesterday's items one is still read, one is in
// the catalogue, and of one nothing may be left that content could find.
func TestWhatIsGoneIsForgotten(t *testing.T) {
	from := &train.Model{Algorithm: train.Content}
	for _, id := range []string{"gone", "read", "listed"} {
		from.Items = append(from.Items, data.Item{ID: id, Title: "Title of " + id})
	}
	d := &dataset{log: &data.Log{}, catalogue: []data.Item{{ID: "listed", Title: "Other"}, {ID: "new", Title: "New"}}}
	d.log.User = []int32{d.log.Users.Add("u")}
	d.log.Item = []int32{d.log.Items.Add("read")}
	d.items = known(&d.log.Items, d.catalogue)
	d.addNew(d.catalogue)
	d.follow(from)
	want := []data.Item{{ID: "gone"}, {ID: "read", Title: "Title of read"}, {ID: "listed", Title: "Other"}, {ID: "new", Title: "New"}}
	if diff := cmp.Diff(want, d.items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

// TestShuffleKeepsWhatIsSaid: only the numbers of items change.
func TestShuffleKeepsWhatIsSaid(t *testing.T) {
	d := &dataset{log: &data.Log{}}
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		d.log.User = append(d.log.User, d.log.Users.Add([]string{"u", "v"}[i%2]))
		d.log.Item = append(d.log.Item, d.log.Items.Add(id))
	}
	d.items = known(&d.log.Items, nil)
	before, digest, order := d.log, d.log.Digest(), slices.Clone(d.log.Item)
	d.shuffle(1)
	if d.log.Digest() != digest {
		t.Error("the log says something else")
	}
	if slices.Equal(d.log.Item, order) {
		t.Errorf("items still stand as %v", d.log.Item)
	}
	if !slices.Equal(before.Item, order) {
		t.Errorf("the log that was given became %v", before.Item)
	}
	for i, it := range d.items {
		if id := d.log.Items.ID(int32(i)); it.ID != id {
			t.Errorf("item %d is %s, its id %s", i, it.ID, id)
		}
	}
}
