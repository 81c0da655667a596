package train

import (
	"context"
	"sync"

	"github.com/nearside/nearside/model/core/quant"
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

// sumParts bounds how many partial sums over all rows there are. Their number
// depends on the data only, or the workers would change the rounding.
const sumParts = 32

// sumOfParts returns the sum of size numbers over n rows, n > 0. Sums of parts, which
// add makes over fixed ranges of rows, are added in order.
func sumOfParts(ctx context.Context, workers, n, size int, add func(sum []float32, from, to int)) ([]float32, error) {
	rows := max(gatherRows, (n+sumParts-1)/sumParts)
	parts := make([][]float32, (n+rows-1)/rows)
	err := blocks(ctx, workers, n, rows, func() func(from, to int) error {
		return func(from, to int) error {
			part := make([]float32, size)
			add(part, from, to)
			parts[from/rows] = part
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	for _, part := range parts[1:] {
		quant.Axpy(parts[0], part, 1)
	}
	return parts[0], nil
}
