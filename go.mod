module github.com/nearside/nearside

go 1.27

toolchain go1.27.0

// What the product is made of. Each line says why it is here and where it may be used.
require (
	github.com/alecthomas/kong v1.17.0 // cmd: struct-based command line, one dependency, no globals
	github.com/cloudflare/circl v1.6.5 // core/bundle/verify.go, pack: Ed25519 and ML-DSA-65; 1.6.5 is the floor (stricter parsers)
	github.com/klauspost/compress v1.20.3 // data: zstd, and a faster gzip, for event logs
	github.com/parquet-go/parquet-go v0.32.0 // data: Parquet event logs
	github.com/schollz/progressbar/v3 v3.19.1 // cmd: one bar with ETA on a terminal
	github.com/tetratelabs/wazero v1.12.0 // host: WebAssembly in Go without cgo
	github.com/vmihailenco/msgpack/v5 v5.4.1 // pack: the bundle's writer; never sees untrusted bytes
	gonum.org/v1/gonum v0.17.0 // train: Cholesky for EASE; oracle for core's own solver in tests
)

// Test dependencies.
require (
	github.com/chromedp/chromedp v0.23.0 // web: the demo page clicked through in a real Chromium
	github.com/google/go-cmp v0.7.0 // readable differences of structs
	github.com/rogpeppe/go-internal v1.16.0 // cmd: testscript, sessions as tests
	pgregory.net/rapid v1.3.0 // properties with shrinking
)
