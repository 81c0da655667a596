//go:build wasip1

// Reactor leans on the Go runtime where sealing could break it: collector,
// scheduler, timers, clock, printing, dying.
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

func main() {}

func init() {
	debug.SetGCPercent(20) // many collections of a small heap, for slow engines
}

type node struct {
	next *node
	data [1016]byte
}

// churn allocates n KiB as linked nodes, a thousand to a chain, of which it
// keeps the last. It returns how many nodes of that chain are as it left them.
//
//go:wasmexport churn
func churn(n int32) int32 {
	var head *node
	for i := range n {
		if i%1000 == 0 {
			head = nil
		}
		head = &node{next: head}
		head.data[i%1000] = byte(i) | 1
	}
	intact := int32(0)
	for i := n - 1; head != nil; i-- {
		if head.data[i%1000] == byte(i)|1 {
			intact++
		}
		head = head.next
	}
	return intact
}

//go:wasmexport collections
func collections() int32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int32(m.NumGC)
}

// gather starts n goroutines that sleep, make garbage, take turns and send a
// number each. It returns the sum, n(n-1)/2.
//
//go:wasmexport gather
func gather(n int32) int32 {
	numbers := make(chan int32)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			time.Sleep(time.Duration(i) * time.Minute)
			words := make(map[string]int32)
			for j := range int32(100) {
				words[fmt.Sprint(i, j)] = i
				if j%10 == 0 {
					runtime.Gosched()
				}
			}
			numbers <- words[fmt.Sprint(i, 99)]
		})
	}
	go func() {
		group.Wait()
		close(numbers)
	}()
	sum := int32(0)
	for number := range numbers {
		sum += number
	}
	return sum
}

var turns int32

// leave starts a goroutine that outlives the call. It counts its turns.
//
//go:wasmexport leave
func leave() {
	go func() {
		for {
			turns++
			runtime.Gosched()
		}
	}()
}

// taken returns the number of turns so far, after giving one more.
//
//go:wasmexport taken
func taken() int32 {
	runtime.Gosched()
	return turns
}

//go:wasmexport now
func now() int64 { return time.Now().UnixNano() }

// sleep returns how many seconds passed, by the clock inside.
//
//go:wasmexport sleep
func sleep(seconds int32) int32 {
	start := time.Now()
	time.Sleep(time.Duration(seconds) * time.Second)
	return int32(time.Since(start).Seconds())
}

// order returns the last eight keys that ranging over a map of sixteen gives, a
// hexadecimal digit each. Their order is the runtime's random numbers at work.
//
//go:wasmexport order
func order() int32 {
	m := make(map[int32]bool)
	for i := range int32(16) {
		m[i] = true
	}
	digits := int32(0)
	for key := range m {
		digits = digits<<4 | key
	}
	return digits
}

// write prints, and returns the number of bytes that standard output took.
//
//go:wasmexport write
func write() int32 {
	println("to standard error")
	n, err := fmt.Fprintln(os.Stdout, "to standard output")
	if err != nil {
		return -1
	}
	return int32(n)
}

//go:wasmexport recovered
func recovered(i int32) (answer int32) {
	defer func() {
		if recover() != nil {
			answer = 42
		}
	}()
	return index([]int32{1, 2, 3}, i)
}

//go:noinline
func index(list []int32, i int32) int32 { return list[i] }

//go:wasmexport crash
func crash(i int32) int32 { return index([]int32{1, 2, 3}, i) }

//go:wasmexport deadlock
func deadlock() { <-make(chan int) }

//go:wasmexport entropy
func entropy() int32 {
	var b [4]byte
	rand.Read(b[:])
	return int32(b[0])
}

//go:wasmexport exit
func exit() { os.Exit(0) }
