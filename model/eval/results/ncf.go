package main

import (
	"bufio"
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
	ratings, err := open(root, ratings1M.name)
	if err != nil {
		return err
	}
	defer ratings.Close()
	var users, items data.IDs
	var lists []strings.Builder
	lines := bufio.NewScanner(ratings)
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "::")
		if len(cells) < 2 {
			return fmt.Errorf("%s: line %q: want UserID::MovieID", ratings1M.name, lines.Text())
		}
		u, i := users.Add(cells[0]), items.Add(cells[1])
		if pair := fmt.Sprintf("%d,%d", u, i); !targets[pair] {
			for int(u) >= len(lists) {
				lists = append(lists, strings.Builder{})
			}
			fmt.Fprintf(&lists[u], " %d", i)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", ratings1M.name, err)
	}
	var text strings.Builder
	for u := range lists {
		fmt.Fprintf(&text, "%d%s\n", u, lists[u].String())
	}
	partial := path + ".partial"
	if err := os.WriteFile(partial, []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// ncfTargets returns the user,item pairs that the split holds out.
func ncfTargets(root string) (map[string]bool, error) {
	negatives, err := open(root, negatives1M.name)
	if err != nil {
		return nil, err
	}
	defer negatives.Close()
	targets := make(map[string]bool)
	lines := bufio.NewScanner(negatives)
	for lines.Scan() {
		pair, _, _ := strings.Cut(lines.Text(), "\t")
		targets[strings.Trim(pair, "()")] = true
	}
	if len(targets) == 0 {
		return nil, errors.New(negatives1M.name + ": no lines")
	}
	return targets, lines.Err()
}
