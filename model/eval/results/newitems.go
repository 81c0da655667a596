package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The files of data sets that say what items are about.
var (
	usersCiteULike = file{"citeulike-a/users.dat.gz", "53211d82c14ff261e595634d285ed9fbf8049cf81dcb751d924d695b9612a02c"}
	itemTags       = file{"citeulike-a/item-tag.dat.gz", "0f7b432796a5038ed2631c02b99d70e636123673afc11bf9e051de5b49467890"}
	tagNames       = file{"citeulike-a/tags.dat.gz", "c02b3e5ee1a57f88f3a598b2040018bb198f54cd0c11116fa7a0db905b6f60e3"}
	films1M        = file{"movielens-1m/movies_extrainfos.dat.gz", "18432b1713b66a5262c11f6d929801a6e6f414d861cd2adf191dfba61e45c74d"}
	ratingsSmall   = file{"movielens-latest-small/ratings.csv.gz", "80da8b3393dae325bbba5a31f291a6ba55d8d4f4396de3c456f2c1635b1b70e8"}
	filmsSmall     = file{"movielens-latest-small/movies.csv.gz", "c47b783f23eb304413307e1bb05335e427737da20ec8d3c0e96335567dd5f3dc"}
	visual         = file{"movielens-visual/LLVisualFeatures13K_Log.csv.gz", "1ba32c6e931d0a688d063485d222b4334eddc01941ab05bb7b12273fd771c321"}
	tagsSmall      = file{"movielens-latest-small/tags.csv", "68eec00a0820c2faa8863a6df7032f13d5899a4462bce9a97213905297ff3d34"}
)

// makeCiteULike makes the pairs of citeulike-a and a catalogue of the tags that
// its users gave to articles. Users and articles are the lines of the files,
// counted from 0.
func makeCiteULike(root, into string) error {
	events := [][]string{{"user", "item"}}
	err := eachLine(root, usersCiteULike.name, func(user int, line string) error {
		for _, item := range strings.Fields(line)[1:] { // the first says how many
			events = append(events, []string{fmt.Sprint(user), item})
		}
		return nil
	})
	if err != nil {
		return err
	}
	var names []string
	err = eachLine(root, tagNames.name, func(_ int, line string) error {
		names = append(names, strings.ReplaceAll(line, "|", " "))
		return nil
	})
	if err != nil {
		return err
	}
	items := [][]string{{"id", "title", "tags"}}
	err = eachLine(root, itemTags.name, func(item int, line string) error {
		var tags []string
		for _, number := range strings.Fields(line)[1:] {
			var at int
			if _, err := fmt.Sscan(number, &at); err != nil || at >= len(names) {
				return fmt.Errorf("tag %q of %d", number, len(names))
			}
			// Words stand with underscores between them.
			tags = append(tags, strings.ReplaceAll(names[at], "_", " "))
		}
		items = append(items, []string{fmt.Sprint(item), "", strings.Join(tags, "|")})
		return nil
	})
	if err != nil {
		return err
	}
	return writeTables(into, map[string][][]string{"citeulike-events.csv": events, "citeulike-items.csv": items})
}

// makeFilms1M makes the catalogue of MovieLens 1M from what OMDb knows: genres,
// cast and writers are tags, directors are authors, the plot is the text.
func makeFilms1M(root, into string) error {
	items := [][]string{{"id", "title", "tags", "text", "author", "published"}}
	err := eachLine(root, films1M.name, func(_ int, line string) error {
		cells := strings.Split(line, "::")
		if len(cells) < 10 {
			return fmt.Errorf("line %.80q: want 10 cells", line)
		}
		var tags []string
		for _, list := range []string{cells[5], cells[8], cells[7]} {
			for tag := range strings.SplitSeq(list, ",") {
				name, _, _ := strings.Cut(tag, "(") // (screenplay by)
				tags = append(tags, strings.TrimSpace(name))
			}
		}
		published := ""
		if len(cells[2]) == 4 && cells[2] < "2100" {
			published = cells[2] + "-01-01"
		}
		items = append(items, []string{cells[0], cells[1], strings.Join(tags, "|"), cells[9], cells[6], published})
		return nil
	})
	if err != nil {
		return err
	}
	return writeTables(into, map[string][][]string{"movielens-1m-items.csv": items})
}

// makeFilmsSmall makes the catalogue of MovieLens latest-small: genres and the
// tags that its users gave.
func makeFilmsSmall(root, into string) error {
	tags := map[string][]string{}
	err := eachRow(root, tagsSmall.name, func(row []string) {
		tags[row[1]] = append(tags[row[1]], strings.ReplaceAll(row[2], "|", " "))
	})
	if err != nil {
		return err
	}
	items := [][]string{{"id", "title", "tags"}}
	err = eachRow(root, filmsSmall.name, func(row []string) {
		all := append(strings.Split(row[2], "|"), tags[row[0]]...)
		items = append(items, []string{row[0], row[1], strings.Join(all, "|")})
	})
	if err != nil {
		return err
	}
	if err := makeVisual(root, into); err != nil {
		return err
	}
	return writeTables(into, map[string][][]string{"movielens-small-items.csv": items})
}

// makeVisual makes an .npy of what low-level features say of films' trailers,
// and a file with the films' ids.
func makeVisual(root, into string) error {
	var ids strings.Builder
	var numbers []float32
	rows := 0
	var bad error
	err := eachRow(root, visual.name, func(row []string) {
		rows++
		fmt.Fprintln(&ids, row[0])
		for _, cell := range row[1:] {
			x, err := strconv.ParseFloat(cell, 32)
			if bad = errors.Join(bad, err); err == nil {
				numbers = append(numbers, float32(x))
			}
		}
	})
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }\n", rows, len(numbers)/rows)
	file := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	if file, err = binary.Append(append(file, header...), binary.LittleEndian, numbers); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(into, "visual.npy"), file, 0o644),
		os.WriteFile(filepath.Join(into, "visual-ids.txt"), []byte(ids.String()), 0o644))
}

// eachLine visits the lines of a file, counted from 0.
func eachLine(root, name string, visit func(n int, line string) error) error {
	content, err := open(root, name)
	if err != nil {
		return err
	}
	defer content.Close()
	lines := bufio.NewScanner(content)
	lines.Buffer(nil, 1<<20)
	for n := 0; lines.Scan(); n++ {
		if err := visit(n, strings.ToValidUTF8(lines.Text(), "")); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n+1, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// eachRow visits the rows of a CSV file, but for the header.
func eachRow(root, name string, visit func(row []string)) error {
	content, err := open(root, name)
	if err != nil {
		return err
	}
	defer content.Close()
	rows := csv.NewReader(content)
	for header := true; ; header = false {
		row, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !header {
			visit(row)
		}
	}
}

// writeTables writes CSV files.
func writeTables(into string, tables map[string][][]string) error {
	for name, rows := range tables {
		var text bytes.Buffer
		if err := csv.NewWriter(&text).WriteAll(rows); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(into, name), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
