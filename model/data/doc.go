// Package data reads what people did and what there is, cleans it, and cuts it
// for evaluation.
//
//	events, items, err := data.Find("ml-latest-small")
//	log, report, err := data.ReadEvents(events, data.Options{MinRating: 4})
//	log, report, err = data.Clean(log, data.Cleaning{MinUserItems: 5, MinItemUsers: 5})
//	split, err := data.LeaveLastOut(log)
//	matrix := split.Train.Matrix()
//
// A [Log] is a list of events in columns: user and item as dense indices, and
// time, kind and weight where the source has them. Everything else is made from
// it: a [Matrix] to learn from, a [Split] to judge by, a digest to name it.
// Nothing here is safe for concurrent writes; everything may be read by many.
//
// # Files
//
// Events have the columns user, item, and any of time, kind, weight and rating;
// items have id, title, and any of tags, text, author, published, url and
// image. A file whose name ends in .gz or .zst is compressed, and must begin as
// such a file does. What remains of the name decides the [Format]: .csv, .tsv,
// .jsonl, .ndjson, .parquet or u.item. Any other file is looked at, 64 KiB of
// it, and the first of these that fits is taken:
//
//	Parquet  it begins with PAR1
//	JSONL    the first line begins with {
//	Colons   the first line has ::
//	TSV      the first line has a tab
//	CSV      the first line has a comma
//	Blanks   every line has the same number of words, 2, 3 or 4: one event
//	Lists    otherwise: a user, then all the items of that user
//
// The last two are guessed for events alone. Options.Format overrides all of this, and
// Report.Source says what was decided. [Sessions] is never guessed, for it looks
// like Lists: the items of one session in every line, whose number is the user.
//
// # Columns
//
// The first line of CSV, TSV, Blanks and Colons is a header when it names one
// of the first two columns, in any spelling: userId, user_id and "User ID" are
// the same, and so are the usual synonyms, such as movieId for item, ts for
// time, genres for tags. Where two columns of the file could be one of ours the
// likelier name wins, user before session. A file without a header has the
// columns in the order above, as many as there are, but rating is not last: it
// is the third column, before time, when the first line has a number of at most
// 100 there. JSONL and Parquet always go by name. Options.Columns overrides
// each column by name or by position, counted from 1.
//
// An id is 1 to 256 bytes of UTF-8 without control characters. A time is in
// Unix seconds, in Unix milliseconds if it is 100,000,000,000 or more, in
// RFC 3339, or a day as YYYY-MM-DD; no event is before 1970, and an item that
// was published before counts as one whose date is not known. Kinds are the
// words of [profile.ParseKind]. A weight is finite and above 0. A rating is
// looked at for Options.MinRating and never kept. Tags stand in one cell with |
// between them, or in a list in JSONL and Parquet. An empty cell, null, and a
// missing name are all the same: time 0, which is before every other time, kind
// view, weight 1. A column of a Log is nil when no row said otherwise.
//
// MovieLens 100K and 1M are older than UTF-8: in u.item and in items with ::,
// a line that is not UTF-8 is read as ISO 8859-1.
//
// # Vectors
//
// [ReadVectors] reads rows of numbers for items: factors of another trainer, or
// what a model of pictures or texts makes of them. [Vectors.Match] finds those of
// a catalogue.
//
// # Errors and bounds
//
// A malformed line ends the reading with a [LineError], which has the file, the
// line, the text and what was expected there. Options.Lenient skips and counts
// such lines instead, up to a limit; the header must be sound even so. A file
// that breaks off, an empty one, and one that cannot be decompressed are errors
// in any case. A line, and a CSV record over several lines, has at most 1 MiB
// and 1024 cells, a log at most 2^31-2 rows.
//
// Reading streams: what a file needs in memory is its ids, and 8 bytes a row, 16
// with times, 1 more with kinds and 4 more with weights; while the columns are
// put together, up to twice that. Parquet is read a page at a time, and the
// size of a page is the file's own.
//
// # Privacy
//
// Two of the limits of [Cleaning] protect people. MinItemUsers keeps out of a
// model every item that stands for few of them. MaxUserItems keeps out the
// account that would weigh as much as many.
package data
