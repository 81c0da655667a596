package eval

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nearside/nearside/model/core/profile"
	"github.com/nearside/nearside/model/data"
	"github.com/nearside/nearside/model/train"
)

// The tests in this file check the ruler, and then the models, against numbers
// that others have computed on MovieLens 1M with the leave-one-out split of
// He et al. (WWW 2017): each person's latest rating is the target, and 99
// items that the person has not rated are given for it.

// ncf is that split.
type ncf struct {
	train  *data.Log
	cases  []data.Case // ranked among the negatives
	full   []data.Case // the same, ranked among everything
	counts []uint32
}

var loadNCF = sync.OnceValues(readNCF)

// mustNCF returns the split, or skips the test where the data is not there.
func mustNCF(t *testing.T) *ncf {
	t.Helper()
	n, err := loadNCF()
	if os.IsNotExist(err) {
		t.Skipf("no MovieLens 1M: %v (set NEARSIDE_DATA to the folder of data sets)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// dataFile returns the path and the unpacked content of a file of a data set,
// which must have the given SHA-256.
func dataFile(digest, name string) (path string, content io.Reader, err error) {
	root := os.Getenv("NEARSIDE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path = filepath.Join(root, filepath.FromSlash(name))
	b, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	if strings.HasSuffix(name, ".gz") {
		unzip, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", name, err)
		}
		if b, err = io.ReadAll(unzip); err != nil {
			return "", nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); got != digest {
		return "", nil, fmt.Errorf("%s: sha256 %s, want %s", name, got, digest)
	}
	return path, bytes.NewReader(b), nil
}

// mustFile is the path of dataFile; it skips the test where there is no file.
func mustFile(t *testing.T, digest, name string) string {
	t.Helper()
	path, _, err := dataFile(digest, name)
	if os.IsNotExist(err) {
		t.Skipf("no data set: %v (set NEARSIDE_DATA to the folder of data sets)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// readNCF puts the split together. Users and items have the ids of He et al.:
// the row order of ratings.dat.
func readNCF() (*ncf, error) {
	n := &ncf{train: &data.Log{}}
	_, negatives, err := dataFile("127853228a76b7d21c0481e8ef8d00dd009cd5c88670dbdd9e9debfdb9f93de4", "movielens-1m/ncf_loo/ml-1m.test.negative.gz")
	if err != nil {
		return nil, err
	}
	for s := bufio.NewScanner(negatives); s.Scan(); {
		pair, list, _ := strings.Cut(s.Text(), "\t")
		_, item, _ := strings.Cut(strings.Trim(pair, "()"), ",")
		sample := make([]int32, 0, 100)
		for _, field := range append([]string{item}, strings.Fields(list)...) {
			i, err := strconv.ParseInt(field, 10, 32)
			if err != nil {
				return nil, err
			}
			sample = append(sample, int32(i))
		}
		target := []int32{sample[0]}
		slices.Sort(sample)
		n.cases = append(n.cases, data.Case{Target: target, Among: slices.Compact(sample)})
	}

	_, ratings, err := dataFile("2dad134c8b493373beed8d2a42e18ec2a93606fd957bd76c0bfbdef5c514b985", "movielens-1m/ratings_no_timestamp.dat.gz")
	if err != nil {
		return nil, err
	}
	for s := bufio.NewScanner(ratings); s.Scan(); {
		row := strings.Split(s.Text(), "::") // UserID::MovieID::Rating
		u, i := n.train.Users.Add(row[0]), n.train.Items.Add(row[1])
		if int(i) == len(n.counts) {
			n.counts = append(n.counts, 0)
		}
		if i == n.cases[u].Target[0] {
			continue
		}
		n.train.User = append(n.train.User, u)
		n.train.Item = append(n.train.Item, i)
		n.counts[i]++
		n.cases[u].History = append(n.cases[u].History, data.Event{Item: i, Kind: profile.KindView, Weight: 1})
	}
	n.full = slices.Clone(n.cases)
	for c := range n.full {
		n.full[c].Among = nil
	}
	return n, nil
}

func TestNCFIsTheSplitOfThePaper(t *testing.T) {
	n := mustNCF(t)
	if n.train.Len() != 994169 || n.train.Users.Len() != 6040 || len(n.cases) != 6040 || n.train.Items.Len() != 3706 {
		t.Errorf("got %d pairs, %d users, %d cases, %d items, want 994169, 6040, 6040, 3706",
			n.train.Len(), n.train.Users.Len(), len(n.cases), n.train.Items.Len())
	}
}

// judge measures a model both ways, prints the two tables, and compares HR@10
// and NDCG@10.
func (n *ncf) judge(t *testing.T, m *train.Model, want, wantFull scores, within float64) {
	t.Helper()
	r, err := Float(m, false)
	if err != nil {
		t.Fatal(err)
	}
	newRanker := func() (Ranker, error) { return r, nil }
	sampled, err := Evaluate(t.Context(), n.cases, newRanker, Options{Count: n.counts})
	if err != nil {
		t.Fatal(err)
	}
	full, err := Evaluate(t.Context(), n.full, newRanker, Options{Count: n.counts})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("one of 100: %vfull ranking: %v", sampled, full)
	want.check(t, "one of 100", sampled, within)
	wantFull.check(t, "full ranking", full, within)
}

// scores are what the papers print.
type scores struct{ hr10, ndcg10 float64 }

// check compares at K = 10, the first of the default Ks.
func (s scores) check(t *testing.T, protocol string, r Result, within float64) {
	t.Helper()
	got := scores{r.At[0].Hit.Mean, r.At[0].NDCG.Mean}
	if math.Abs(got.hr10-s.hr10) > within || math.Abs(got.ndcg10-s.ndcg10) > within {
		t.Errorf("%s: got HR@10 and NDCG@10 %.4f, want %.4f within %.5f", protocol, got, s, within)
	}
}

// exact is for numbers that are deterministic and given to four digits.
const exact = .00005

// TestNCFPopularity checks the ruler before it measures a model: popularity
// has nothing to tune. It has ties, though, and two ways to count them bracket
// what a ranking can give.
func TestNCFPopularity(t *testing.T) {
	n := mustNCF(t)
	var forTarget, against scores
	for _, c := range n.cases {
		more, same := 0, 0
		for _, i := range c.Among {
			if i == c.Target[0] {
				continue
			}
			switch target := n.counts[c.Target[0]]; {
			case n.counts[i] > target:
				more++
			case n.counts[i] == target:
				same++
			}
		}
		forTarget.add(more)
		against.add(more + same)
	}
	for _, test := range []struct {
		ties      string
		got, want scores
	}{
		{"for the target", forTarget, scores{.4538, .2545}},
		{"against the target", against, scores{.4531, .2541}},
	} {
		got := scores{test.got.hr10 / float64(len(n.cases)), test.got.ndcg10 / float64(len(n.cases))}
		if math.Abs(got.hr10-test.want.hr10) > exact || math.Abs(got.ndcg10-test.want.ndcg10) > exact {
			t.Errorf("ties %s: got %.4f, want %.4f", test.ties, got, test.want)
		}
	}
	n.judge(t, &train.Model{Algorithm: train.Popular, Count: n.counts}, scores{.4535, .2542}, scores{.0414, .0204}, exact)
}

// add counts a case whose target has rank items before it.
func (s *scores) add(rank int) {
	if rank < 10 {
		s.hr10++
		s.ndcg10 += discount(rank)
	}
}

// seeds is 1 in a plain run because a seed takes 40 seconds of two free cores.
var seeds = flag.Uint64("seeds", 1, "train iALS on MovieLens 1M with the seeds 0 … seeds-1")

// learn trains on the split.
func (n *ncf) learn(t *testing.T, cfg train.Config) *train.Model {
	t.Helper()
	if testing.Short() {
		t.Skip("training on MovieLens 1M takes from half a minute to some minutes")
	}
	m, err := train.Train(t.Context(), train.Input{Pairs: n.train.Matrix()}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestNCFEASE: Steck, Embarrassingly Shallow Autoencoders for Sparse Data (WWW
// 2019), equation 8. The numbers are those of an independent computation in
// numpy on the same files.
func TestNCFEASE(t *testing.T) {
	n := mustNCF(t)
	m := n.learn(t, train.Config{Algorithm: train.EASE, Params: train.Params{"lambda": 1000, "neighbours": 0}})
	n.judge(t, m, scores{.7182, .4511}, scores{.1089, .0545}, exact)
}

// TestNCFIALS uses the hyper-parameters that Rendle et al., Revisiting the
// Performance of iALS on Item Recommendation Benchmarks (RecSys 2022), publish
// for this split. The numbers are those of an independent computation in numpy
// on the same files, the middle of two seeds. What is judged is the fold-in, so
// each person is solved once more after the last epoch.
func TestNCFIALS(t *testing.T) {
	n := mustNCF(t)
	const within = .006 // seeds differ by up to .004 in HR@10
	for seed := range *seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			m := n.learn(t, train.Config{Algorithm: train.IALS, Seed: seed, Params: train.Params{"dim": 192, "epochs": 12, "reg": .007, "alpha": .3, "exponent": 1, "std": .1}})
			n.judge(t, m, scores{.7316, .4544}, scores{.1048, .0521}, within)
		})
	}
}
