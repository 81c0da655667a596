package data

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// prefixBytes is how much of a file is looked at to decide its format.
const prefixBytes = 64 << 10

// maxWindow bounds what a zstd frame may make the decoder allocate: 128 MiB is
// the largest window that the zstd command reads without being asked.
const maxWindow = 128 << 20

// source is an open file whose compression, if any, is undone.
type source struct {
	name   string // as the caller gave it
	base   string // lower case, without folder and without .gz or .zst
	file   file
	size   int64 // of the file; 0 when it is not a regular file
	packed bool  // it is compressed as a whole
	r      *bufio.Reader
	zstd   *zstd.Decoder // nil but for .zst
}

// file is what a source reads from: an *os.File.
type file interface {
	io.Reader
	io.ReaderAt
	io.Closer
}

var (
	gzipMagic    = []byte{0x1f, 0x8b}
	zstdMagic    = []byte{0x28, 0xb5, 0x2f, 0xfd}
	parquetMagic = []byte("PAR1")
	utf8Mark     = []byte{0xef, 0xbb, 0xbf}
)

// openSource opens path. The name decides how it is compressed, and the first
// bytes must agree.
func openSource(path string, progress func(read, total int64)) (*source, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	s := &source{name: path, base: strings.ToLower(filepath.Base(path)), file: file}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("data: %w", err)
	case info.IsDir():
		err = fmt.Errorf("data: %s: is a folder: want a file", path)
	default:
		if info.Mode().IsRegular() {
			s.size = info.Size()
		}
		err = s.start(progress)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return s, nil
}

func (s *source) start(progress func(read, total int64)) error {
	var raw io.Reader = s.file
	if progress != nil {
		raw = &meter{r: s.file, total: s.size, report: progress}
	}
	s.r = bufio.NewReaderSize(raw, prefixBytes)
	magic, err := s.r.Peek(len(zstdMagic))
	if err != nil && err != io.EOF {
		return fmt.Errorf("data: %w", err)
	}
	if len(magic) == 0 {
		return fmt.Errorf("data: %s: empty file", s.name)
	}
	ext := filepath.Ext(s.base)
	switch {
	case ext == ".gz" && !bytes.HasPrefix(magic, gzipMagic):
		return fmt.Errorf("data: %s: begins with %q: want gzip", s.name, magic)
	case ext == ".zst" && !bytes.Equal(magic, zstdMagic):
		return fmt.Errorf("data: %s: begins with %q: want zstd", s.name, magic)
	case ext != ".gz" && bytes.HasPrefix(magic, gzipMagic):
		return fmt.Errorf("data: %s: holds gzip: want a name that ends in .gz", s.name)
	case ext != ".zst" && bytes.Equal(magic, zstdMagic):
		return fmt.Errorf("data: %s: holds zstd: want a name that ends in .zst", s.name)
	}
	s.packed = ext == ".gz" || ext == ".zst"
	switch ext {
	case ".gz":
		z, err := gzip.NewReader(s.r)
		if err != nil {
			return fmt.Errorf("data: %s: %w", s.name, err)
		}
		s.base = strings.TrimSuffix(s.base, ext)
		s.r = bufio.NewReaderSize(z, prefixBytes)
	case ".zst":
		z, err := zstd.NewReader(s.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return fmt.Errorf("data: %s: %w", s.name, err)
		}
		s.zstd = z
		s.base = strings.TrimSuffix(s.base, ext)
		s.r = bufio.NewReaderSize(z, prefixBytes)
	}
	if mark, _ := s.r.Peek(len(utf8Mark)); bytes.Equal(mark, utf8Mark) {
		s.r.Discard(len(utf8Mark))
	}
	return nil
}

// prefix returns the start of the text, at most prefixBytes of it. It belongs
// to the reader and is valid until the next read.
func (s *source) prefix() ([]byte, error) {
	b, err := s.r.Peek(prefixBytes)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("data: %s: %w", s.name, err)
	}
	if len(b) == 0 {
		return nil, fmt.Errorf("data: %s: empty file", s.name)
	}
	return b, nil
}

func (s *source) close() error {
	if s.zstd != nil {
		s.zstd.Close()
	}
	return s.file.Close()
}

// meter tells report how far the file has been read, once for every MiB and
// at the end.
type meter struct {
	r                 io.Reader
	read, told, total int64
	report            func(read, total int64)
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.read += int64(n)
	if m.read-m.told >= 1<<20 || err == io.EOF && m.told != m.read {
		m.told = m.read
		m.report(m.read, m.total)
	}
	return n, err
}

// maxLine bounds a line, and a CSV record that spans lines, in bytes.
const maxLine = 1 << 20

// lines reads a text line by line.
type lines struct {
	name  string // of the file, for errors
	r     *bufio.Reader
	at    int64  // number of the line last read, from 1
	long  []byte // a line that the reader's buffer cannot hold
	again []byte // lines to read once more, without the last line feed
}

// next returns the next line without its line end (LF or CR LF). The slice is
// valid until the next call. A *LineError spoils this line only.
func (l *lines) next() ([]byte, error) {
	l.at++
	if l.again != nil {
		line, rest, more := bytes.Cut(l.again, []byte{'\n'})
		l.again = rest
		if !more {
			l.again = nil
		}
		return line, nil
	}
	line, err := l.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		if line, err = l.nextLong(line); err == bufio.ErrTooLong {
			return nil, l.malformed(line, "at most 1048576 bytes in a line")
		}
	}
	if err != nil && !(err == io.EOF && len(line) > 0) {
		if err == io.EOF {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("data: %s:%d: %w", l.name, l.at, err)
	}
	line = bytes.TrimSuffix(line, []byte{'\n'})
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if bytes.IndexByte(line, 0) >= 0 {
		return nil, l.malformed(line, "text in UTF-8, not NUL bytes")
	}
	return line, nil
}

// nextLong reads on after a full buffer. Of a line above maxLine it returns
// the start and bufio.ErrTooLong, and stands after it.
func (l *lines) nextLong(start []byte) ([]byte, error) {
	l.long = append(l.long[:0], start...)
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.long) <= maxLine {
			l.long = append(l.long, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if len(l.long) > maxLine && (err == nil || err == io.EOF) {
			return l.long, bufio.ErrTooLong
		}
		return l.long, err
	}
}

// malformed makes the error of the line last read.
func (l *lines) malformed(line []byte, want string) *LineError {
	return &LineError{File: l.name, Line: l.at, What: "line", Text: quotable(line), Want: want}
}
