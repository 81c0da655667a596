package train

import (
	"context"
	"sync"
)

// blocks cuts 0 … n-1 into blocks of size and has each done once, by whichever
// of the workers is free. Every worker calls newWorker for a function with its
// own scratch memory. It returns the error of the first block that has one, or
// ctx.Err() when ctx ended before all were done.
func blocks(ctx context.Context, workers, n, size int, newWorker func() func(from, to int) error) error {
	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		next     int
		firstErr error
		firstAt  = n
	)
	take := func() (from int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if next >= n || firstErr != nil || ctx.Err() != nil {
			return 0, false
		}
		from = next
		next += size
		return from, true
	}
	for range min(workers, (n+size-1)/size) {
		wg.Go(func() {
			work := newWorker()
			for {
				from, ok := take()
				if !ok {
					return
				}
				if err := work(from, min(from+size, n)); err != nil {
					mu.Lock()
					if from < firstAt {
						firstErr, firstAt = err, from
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if firstErr == nil && next < n {
		return ctx.Err()
	}
	return firstErr
}
