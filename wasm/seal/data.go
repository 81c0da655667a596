package seal

import "encoding/binary"

const (
	// maxGap is how many zeros in a row are stored rather than left out. For
	// nearside.wasm brotli makes 654 KB of it at 8, where the Go linker cuts,
	// 649 at 16, 618 at 24 and 32, and between 616 and 618 from there on, 617
	// at 256. Above that little but the raw module grows.
	maxGap = 256

	// maxSegments is how many an engine must take at least (WebAssembly
	// JavaScript Interface, chapter 6). The Go linker stops there too.
	maxSegments = 100_000
)

// segment is what memory holds from an address on.
type segment struct {
	at    int
	bytes []byte // neither its first nor its last is zero
}

// cut gives the segments that make this memory out of zeros, in order. Their
// bytes belong to memory.
func cut(memory []byte) (segments []segment) {
	for at := 0; at < len(memory); {
		if memory[at] == 0 {
			at++
			continue
		}
		end := at + 1 // of what is not zero
		for i := end; i < len(memory) && i-end <= maxGap; i++ {
			if memory[i] != 0 {
				end = i + 1
			}
		}
		segments = append(segments, segment{at, memory[at:end]})
		at = end
	}
	return segments
}

// appendSegments appends the entries of a data section.
func appendSegments(dst []byte, segments []segment) []byte {
	for _, s := range segments {
		dst = append(dst, 0, opI32Const)
		dst = appendSigned(dst, int64(int32(s.at)))
		dst = append(dst, opEnd)
		dst = binary.AppendUvarint(dst, uint64(len(s.bytes)))
		dst = append(dst, s.bytes...)
	}
	return dst
}
