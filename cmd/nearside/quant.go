package main

import (
	"fmt"

	"github.com/nearside/nearside/model/core/bundle"
	"github.com/nearside/nearside/model/core/quant"
	"github.com/nearside/nearside/model/pack"
)

// codecs are the names of --quant.
var codecs = map[string]bundle.Codec{
	"int8": bundle.CodecInt8, "int4": bundle.CodecInt4, "pq": bundle.CodecPQ, "binary": bundle.CodecBinary, "float": bundle.CodecFloat,
}

// quantFlags say how the factors of a model are coded.
type quantFlags struct {
	BytesPerItem int    `placeholder:"N" help:"pq, binary: most bytes per item, of codes, scales and the rows that rescore; by default 3/16 byte per factor, and int8 rows."`
	Rescore      string `enum:"auto,none,int8,int4" default:"auto" help:"Rows that give the best of a scan their final score: none, int8, int4; auto: those for which --bytes-per-item has room, after pq and binary."`
	Candidates   int    `placeholder:"160" help:"How many items are rescored, for lists of up to ten."`
}

// of returns the packing of codec for a model of d factors; d is 0 for a model
// without.
func (f quantFlags) of(codec string, d int) (pack.Quant, error) {
	if d == 0 {
		if codec != "int8" || f.BytesPerItem != 0 || f.Rescore != "auto" && f.Rescore != "none" {
			return pack.Quant{}, &usageError{
				err:  fmt.Errorf("--quant %s: this model has no factors", codec),
				hint: "leave the flag out",
			}
		}
		return pack.Quant{}, nil
	}
	q := pack.Quant{Codec: codecs[codec], Candidates: f.Candidates}
	rows := func(codec string) (bytes int) {
		_, bytes = pack.Quant{Rescore: codecs[codec]}.BytesPerItem(d)
		return bytes
	}
	coarse := q.Codec.Coarse()
	if !coarse && f.BytesPerItem > 0 {
		scanned, _ := q.BytesPerItem(d)
		if f.BytesPerItem < scanned {
			return pack.Quant{}, &usageError{
				err:  fmt.Errorf("--bytes-per-item %d: %s takes %d at %d factors", f.BytesPerItem, codec, scanned, d),
				hint: "pq takes what it is given: --quant pq --bytes-per-item N",
			}
		}
	}
	least := 2 // bytes of codes
	if q.Codec == bundle.CodecBinary {
		least, _ = q.BytesPerItem(d)
	}
	rescore := f.Rescore
	if rescore == "auto" {
		switch {
		case !coarse:
			rescore = "none"
		case f.BytesPerItem == 0 || f.BytesPerItem >= rows("int8")+max(least, d/8):
			rescore = "int8"
		case f.BytesPerItem >= rows("int4")+max(least, d/8):
			rescore = "int4"
		default:
			rescore = "none"
		}
	}
	if rescore != "none" {
		q.Rescore = codecs[rescore]
	}
	if f.BytesPerItem > 0 && coarse {
		left := f.BytesPerItem - rows(rescore)
		if left < least {
			return pack.Quant{}, &usageError{err: fmt.Errorf("--bytes-per-item %d: want at least %d for %s with %s rows", f.BytesPerItem, least+rows(rescore), codec, rescore)}
		}
		if q.Codec == bundle.CodecPQ {
			q.Bytes = min(left, 1+min(d, quant.MaxGroups)/2)
			if rescore != "none" {
				q.Bytes = min(q.Bytes, max(2, 3*d/16)) // more buys nothing before rescoring
			}
		}
	}
	return q, nil
}

// retrievalText says in words how a bundle finds items.
func retrievalText(r bundle.Retrieval) string {
	s := r.Codec.String()
	if r.Codec == bundle.CodecPQ {
		s = fmt.Sprintf("%s, %d bytes per item", s, bytesOfPQ(r))
	}
	if r.Rescore != bundle.CodecNone {
		s += ", rescored with " + r.Rescore.String()
	}
	if r.Candidates > 0 {
		s += fmt.Sprintf(", %d candidates", r.Candidates)
	}
	return s
}
