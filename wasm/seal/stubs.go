package seal

import "slices"

// stub is what stands in for an imported function.
type stub struct {
	signature signature
	body      []byte // an entry of the code section, without its length
}

// signature is the type of a function: one byte for each parameter and result.
type signature struct{ params, results string }

// The types of the values that WASI preview 1 passes (5.3.1).
const (
	i32 = "\x7f"
	i64 = "\x7e"
)

// The instructions that stubs are written in (5.4).
const (
	opUnreachable = 0x00
	opIf          = 0x04 // followed by the type of its result
	opEnd         = 0x0b
	opReturn      = 0x0f
	opLocalGet    = 0x20
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opI32Load     = 0x28 // loads and stores: followed by alignment and offset
	opI64Load     = 0x29
	opI32Load8U   = 0x2d
	opI32Store    = 0x36
	opI64Store    = 0x37
	opI32Const    = 0x41
	opI64Const    = 0x42
	opI64Add      = 0x7c

	noResult  = 0x40 // of an if
	unaligned = 0    // promises nothing about an address, so it is always true
)

// Answers of WASI preview 1 functions.
const (
	success = 0
	badf    = 8  // not an open file
	inval   = 28 // not a valid argument
	nosys   = 52 // not supported
)

// clockGlobal is the clock, as an entry of the global section: a mutable i64
// that counts nanoseconds from 0.
var clockGlobal = []byte{i64[0], 1, opI64Const, 0, opEnd}

// newStubs returns the stand-in for each function of WASI preview 1 that Go
// links into a reactor. clock is the index of the global that keeps the time.
//
// Which functions there are: runtime (os_wasip1.go, lock_wasip1.go) imports the
// first ten; the rest come with packages os and syscall, which fmt needs.
// Whatever is not here reaches for something that a sealed module cannot have.
func newStubs(clock int) map[string]stub {
	getClock := append([]byte{opGlobalGet}, number(clock)...)
	setClock := append([]byte{opGlobalSet}, number(clock)...)

	return map[string]stub{
		// The runtime exits after a panic that nobody recovered, a deadlock or
		// a bug of its own. A trap is how a module without a host can end.
		"proc_exit": {signature{i32, ""}, function([]byte{opUnreachable})},

		// Nothing else runs that could be given a turn.
		"sched_yield": {signature{"", i32}, function(answer(success))},

		// No arguments and no environment. The runtime asks for the sizes when
		// it starts and for the texts only if there are any.
		"args_sizes_get":    {signature{i32 + i32, i32}, function(storeZero(0), storeZero(1), answer(success))},
		"args_get":          {signature{i32 + i32, i32}, function(answer(success))},
		"environ_sizes_get": {signature{i32 + i32, i32}, function(storeZero(0), storeZero(1), answer(success))},
		"environ_get":       {signature{i32 + i32, i32}, function(answer(success))},

		// (id, precision, time): both clocks, wall and monotonic, move 1 µs
		// and give the new time. The runtime does not start if the first
		// reading is 0, and its timed loops end only if time moves.
		"clock_time_get": {signature{i32 + i64 + i32, i32}, function(
			getClock, []byte{opI64Const, 0xe8, 0x07, opI64Add}, setClock, // 1000 in signed LEB128
			[]byte{opLocalGet, 2}, getClock, []byte{opI64Store, unaligned, 0},
			answer(success),
		)},

		// (subscriptions, events, n, count): the runtime asks for this when all
		// goroutines wait. Its first subscription is then a clock (type 0 at
		// byte 8) with the time to the next timer (byte 24): the clock moves
		// there at once and no event is reported. Without a timer a goroutine
		// would wait for a file for ever; the answer ends the program instead.
		"poll_oneoff": {signature{i32 + i32 + i32 + i32, i32}, function(
			[]byte{opLocalGet, 0, opI32Load8U, unaligned, 8, opIf, noResult}, answer(inval), []byte{opReturn, opEnd},
			getClock, []byte{opLocalGet, 0, opI64Load, unaligned, 24, opI64Add}, setClock,
			storeZero(3),
			answer(success),
		)},

		// There is no entropy. An error makes the runtime seed its maps from
		// the clock, and crypto/rand end the program rather than hand out
		// whatever was in the buffer.
		"random_get": {signature{i32 + i32, i32}, function(answer(nosys))},

		// (file, pieces, n, written): all of the first piece counts as written
		// and goes nowhere. Why not an error? When the runtime cannot print
		// why it is dying it dies of that, and so on until the engine's stack
		// is full.
		"fd_write": {signature{i32 + i32 + i32 + i32, i32}, function(
			[]byte{opLocalGet, 3, opLocalGet, 1, opI32Load, unaligned, 4, opI32Store, unaligned, 0},
			answer(success),
		)},

		// No file is open. Package syscall looks for the folders that it was
		// given, from file 3 on, until the answer is badf; package os takes
		// the standard files as they come.
		"fd_close":            {signature{i32, i32}, function(answer(badf))},
		"fd_read":             {signature{i32 + i32 + i32 + i32, i32}, function(answer(badf))},
		"fd_fdstat_get":       {signature{i32 + i32, i32}, function(answer(badf))},
		"fd_fdstat_set_flags": {signature{i32 + i32, i32}, function(answer(badf))},
		"fd_prestat_get":      {signature{i32 + i32, i32}, function(answer(badf))},
		"fd_prestat_dir_name": {signature{i32 + i32 + i32, i32}, function(answer(badf))},
	}
}

// function is a body of instructions: no local variables, and an end.
func function(instructions ...[]byte) []byte {
	return slices.Concat([]byte{0}, slices.Concat(instructions...), []byte{opEnd})
}

// answer gives an error number, which must be below 64 to fit a byte.
func answer(number byte) []byte { return []byte{opI32Const, number} }

// storeZero writes 32 zero bits to where parameter i points.
func storeZero(i byte) []byte {
	return []byte{opLocalGet, i, opI32Const, 0, opI32Store, unaligned, 0}
}
