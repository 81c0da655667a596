package tune

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
)

// A state is a file of JSON lines. The first says what is searched:
//
//	{"tune":1,"seed":0,"about":{"model":"ials","digest":"11aa…",…}}
//
// and each other is a finished run:
//
//	{"trial":3,"people":67,"params":{"alpha":0.0312,"reg":0.00174},"score":0.0345,"seconds":1.9}
//
// A line is forced to the disk before the next run begins. What an interrupted
// write left of a last line is cut off.
const stateVersion = 1

// ErrOtherState says that a state file is of another search.
var ErrOtherState = errors.New("the state of another search")

// state is the file and what it knows. Without a path it keeps nothing.
type state struct {
	path string
	file *os.File // nil: no path
	runs map[asked]Run
}

// asked is what a run is the answer to, but for its numbers.
type asked struct{ trial, people int }

// openState reads the state at path, or begins one.
func openState(path string, seed uint64, about any) (*state, error) {
	s := &state{path: path, runs: map[asked]Run{}}
	if path == "" {
		return s, nil
	}
	head, err := json.Marshal(struct {
		Tune  int    `json:"tune"`
		Seed  uint64 `json:"seed"`
		About any    `json:"about"`
	}{stateVersion, seed, about})
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if s.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, err
	}
	if err := s.read(head); err != nil {
		return nil, errors.Join(fmt.Errorf("state %q: %w", path, err), s.file.Close())
	}
	return s, nil
}

// read takes the runs out of the file and leaves it ready for the next one.
func (s *state) read(head []byte) error {
	text, err := io.ReadAll(s.file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	if whole == 0 {
		if !bytes.HasPrefix(head, text) {
			return fmt.Errorf("%w, or none at all", ErrOtherState)
		}
		return s.begin(head)
	}
	lines := bytes.Split(text[:whole-1], []byte("\n"))
	if !bytes.Equal(lines[0], head) {
		return fmt.Errorf("%w: it has %#.400q, want %#q", ErrOtherState, lines[0], head)
	}
	for k, line := range lines[1:] {
		var r Run
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("line %d: %.80q: want a run: %w", k+2, line, err)
		}
		s.runs[asked{r.Trial, r.People}] = r
	}
	return s.cut(int64(whole))
}

// begin writes the first line.
func (s *state) begin(head []byte) error {
	if err := s.cut(0); err != nil {
		return err
	}
	return s.write(head)
}

// cut ends the file after n bytes; the next line goes there.
func (s *state) cut(n int64) error {
	if err := s.file.Truncate(n); err != nil {
		return err
	}
	_, err := s.file.Seek(n, io.SeekStart)
	return err
}

func (s *state) write(line []byte) error {
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return s.file.Sync()
}

// find returns the finished run of a question. That it had other numbers is an
// error: the space has changed, and its scores are of other trials.
func (s *state) find(run Run) (known Run, ok bool, err error) {
	known, ok = s.runs[asked{run.Trial, run.People}]
	if ok && !maps.Equal(known.Params, run.Params) {
		return Run{}, false, fmt.Errorf("state %q: %w: it has the numbers %v", s.path, ErrOtherState, known.Params)
	}
	return known, ok, nil
}

func (s *state) add(r Run) error {
	if s.file == nil {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("state %q: %w", s.path, err)
	}
	return s.write(line)
}

func (s *state) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
