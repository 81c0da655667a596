package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nearside/nearside/model/data"
)

// The files of MovieLens 1M and of the split of He et al. (WWW 2017).
var (
	ratings1M   = file{"movielens-1m/ratings_no_timestamp.dat.gz", "2dad134c8b493373beed8d2a42e18ec2a93606fd957bd76c0bfbdef5c514b985"}
	negatives1M = file{"movielens-1m/ncf_loo/ml-1m.test.negative.gz", "127853228a76b7d21c0481e8ef8d00dd009cd5c88670dbdd9e9debfdb9f93de4"}
)

// ncfTrain is the training file that makeNCF makes.
const ncfTrain = "ml-1m.train.txt"

// makeNCF makes the training file of NCF's split, in its own ids: users are
// counted from 0, items in the order in which ratings.dat first has them. It is
// all ratings but each user's target, as lists: the rows of ratings.dat are not
// in the order of time.
func makeNCF(root, into string) error {
	path := filepath.Join(into, ncfTrain)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	targets, err := ncfTargets(root)
	if err != nil {
		return err
	}
	var users, items data.IDs
	var lists [][]byte
	err = eachLine(root, ratings1M.name, func(_ int, line string) error {
		cells := strings.Split(line, "::")
		if len(cells) < 2 {
			return fmt.Errorf("line %q: want UserID::MovieID", line)
		}
		u, i := users.Add(cells[0]), items.Add(cells[1])
		if pair := fmt.Sprintf("%d,%d", u, i); !targets[pair] {
			for int(u) >= len(lists) {
				lists = append(lists, nil)
			}
			lists[u] = fmt.Appendf(lists[u], " %d", i)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var text strings.Builder
	for u, list := range lists {
		fmt.Fprintf(&text, "%d%s\n", u, list)
	}
	partial := path + ".partial"
	if err := os.WriteFile(partial, []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// ncfTargets returns the user,item pairs that the split holds out.
func ncfTargets(root string) (map[string]bool, error) {
	targets := make(map[string]bool)
	err := eachLine(root, negatives1M.name, func(_ int, line string) error {
		pair, _, _ := strings.Cut(line, "\t")
		targets[strings.Trim(pair, "()")] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(targets) == 0 {
		return nil, errors.New(negatives1M.name + ": no lines")
	}
	return targets, nil
}
