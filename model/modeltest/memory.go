package modeltest

import (
	"fmt"
	"runtime"
)

// Frugal says whether read, which reads doc, takes more from the heap than a
// reader of untrusted bytes may: 64 KiB and four times the document.
func Frugal(doc []byte, read func()) error {
	most := uint64(64<<10 + 4*len(doc))
	if got := Allocated(read); got > most {
		return fmt.Errorf("modeltest: %d bytes of memory for %d, want %d at the most", got, len(doc), most)
	}
	return nil
}

// Allocated returns how many bytes do takes from the heap, whether or not it
// gives them back. Others may allocate meanwhile, so it is the least of a few.
func Allocated(do func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		do()
		runtime.ReadMemStats(&after)
		if least = min(least, after.TotalAlloc-before.TotalAlloc); least < 64<<10 {
			break
		}
	}
	return least
}
