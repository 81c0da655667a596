module github.com/nearside/nearside

go 1.27

toolchain go1.27.0

// Each line says why it is here and where it may be used; what says "test" is
// never linked into a binary.
require (
	filippo.io/age v1.3.2 // pack, cmd: secret keys encrypted at rest
	github.com/alecthomas/kong v1.17.0 // cmd: struct-based command line, one dependency, no globals
	github.com/chromedp/cdproto v0.159.0 // test; web: the protocol's events, as chromedp names them
	github.com/chromedp/chromedp v0.23.0 // test; web: the demo page clicked through in a real Chromium
	github.com/cloudflare/circl v1.6.5 // pack, host/audit: signs with Ed25519 and ML-DSA-65, which the core verifies with the standard library; 1.6.5 is the floor
	github.com/google/go-cmp v0.7.0 // test; readable differences of structs
	github.com/klauspost/compress v1.20.3 // data: zstd, and a faster gzip, for event logs
	github.com/parquet-go/parquet-go v0.32.0 // data: Parquet event logs
	github.com/rogpeppe/go-internal v1.16.0 // test; cmd: testscript, sessions as tests
	github.com/schollz/progressbar/v3 v3.19.1 // cmd: one bar with ETA on a terminal
	github.com/tetratelabs/wazero v1.12.0 // host, seal: WebAssembly in Go without cgo
	github.com/transparency-dev/formats v0.1.1 // translog: writes tlog-proofs; oracle for core/tlog in tests
	github.com/transparency-dev/merkle v0.0.2 // translog: consistency proofs of sizes from outside, tree heads; oracle for core/tlog in tests
	github.com/vmihailenco/msgpack/v5 v5.4.1 // pack: the bundle's writer; never sees untrusted bytes
	golang.org/x/mod v0.43.0 // translog: trees in tiles, signed notes; oracle for core/tlog in tests
	golang.org/x/term v0.48.0 // cmd: asks for a passphrase without showing it
	gonum.org/v1/gonum v0.17.0 // train: Cholesky for EASE; oracle for core's own solver in tests
	pgregory.net/rapid v1.3.0 // test; properties with shrinking
)

require (
	filippo.io/hpke v0.4.0 // indirect
	filippo.io/mldsa v0.0.0-20260215214346-43d0283efc3e // indirect
	github.com/andybalholm/brotli v1.1.1 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/parquet-go/bitpack v1.0.0 // indirect
	github.com/parquet-go/jsonlite v1.0.0 // indirect
	github.com/pierrec/lz4/v4 v4.1.21 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/twpayne/go-geom v1.6.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
	google.golang.org/protobuf v1.34.2 // indirect
)
