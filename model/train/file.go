package train

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/nearside/nearside/model/core/wire"
	"github.com/nearside/nearside/model/data"
)

// A model file (.nsm) is a document in the subset of core/wire; numbers that
// are not integers stand as the bits of a float32, tables as little-endian
// bin values:
//
//	0 str   "nearside model"
//	1 uint  1, the version
//	2 str   the algorithm
//	3 array of n items, each an array: id, title, tags (array of str), author,
//	        published, url, image
//	4 bin   n uint32: people per item
//	5 map   the label: 0 users, 1 events, 2 dropped, 3 fewest people behind an
//	        item, 4 digest (bin, 32 bytes)
//	6 map   iALS only: 0 d, 1 factors (bin, n×d float32), 2 alpha, 3 reg, 4 nu
//	7 map   EASE only: 0 neighbours per row (bin, n uint32), 1 columns (bin,
//	        uint32), 2 values (bin, float32)
const (
	modelKind    = "nearside model"
	modelVersion = 1
)

const (
	maxText  = 1 << 16           // bytes of one text of an item
	maxTags  = 1 << 10           // tags of one item
	maxItems = math.MaxInt32     // an item's index is an int32
	maxTable = math.MaxUint32    // bytes: what a msgpack bin value can hold
	nItem    = 7                 // elements of an item
	tooLarge = "%s: %d bytes: a model file holds at most %d in one table: %s"
	fewerPer = "keep fewer neighbours per row" // a hint
)
