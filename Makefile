# Go 1.27 with SIMD for wasm. The toolchain comes through the Go module proxy,
# so any Go from 1.21 on will do to start it.
export GOTOOLCHAIN := go1.27.0
export GOEXPERIMENT := simd

ADDR ?= 127.0.0.1:8080
T ?= 30s

.PHONY: all help build wasm demo screenshots npm package test test-go test-web test-scalar test-wasm test-js check browsers bench bench-peers bench-train bench-update fuzz mutants golden size results results-short nightly clean

all: build ## the module and bin/nearside

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: wasm ## bin/nearside
	go build -trimpath -o bin/nearside ./cmd/nearside

wasm: ## wasm/bin/nearside.wasm, sealed and pre-initialised; prints its sha256
	go run ./wasm/build

demo: build ## train, pack, sign and serve; DATA=folder for real data, ADDR=host:port
	bin/nearside demo $(if $(DATA),--data $(DATA)) --addr $(ADDR)

test: wasm browsers npm check test-go test-web test-scalar test-js results-short ## everything, set-up included

test-go:
	go test -timeout 20m $$(go list ./... | grep -v /web$$)

# After the others, because pages are watched for tasks of more than 50 ms, and two
# cores that are busy with something else make some.
test-web:
	go test -timeout 20m ./web

# Embedders do not set the experiment: the scalar twins must give the same. What a
# flipped bit does has nothing to do with them.
test-scalar:
	GOEXPERIMENT= go test ./model/core/... ./model/pack -skip Bit

test-js:
	node --test --test-timeout 120000 --test-force-exit web/test/

test-wasm: ## core's own tests, compiled to WebAssembly, in Node
	GOOS=js GOARCH=wasm go test -exec "$$(go env GOROOT)/lib/wasm/go_js_wasm_exec" ./model/core/...

check: wasm ## format, vet, go.mod
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'make: gofmt would change these files'; exit 1; }
	go vet ./...
	GOOS=wasip1 GOARCH=wasm go vet ./wasm/guest ./model/core/...
	go mod tidy -diff

# The SDK is tested in real browsers. Firefox is a second opinion: tests do without.
browsers:
	@command -v chromium chromium-browser google-chrome >/dev/null || test -n "$$NEARSIDE_CHROMIUM" || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo 'browsers: installing Debian'"'"'s packages'; apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
	else echo 'browsers: no Chromium; install the package chromium, or name a browser in NEARSIDE_CHROMIUM' >&2; exit 1; fi
	@command -v firefox-esr firefox >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends firefox-esr >/dev/null; } || echo 'browsers: no Firefox to be had'; \
	else echo 'browsers: no Firefox; its test is left out'; fi

screenshots: wasm browsers ## the pictures of web/docs, which README shows, anew
	mkdir -p .cache/screenshots web/docs
	go test ./web -count=1 -run Screenshots/paper -screenshots $(CURDIR)/.cache/screenshots
	cp .cache/screenshots/paper-warm-*.png web/docs/

# What builds and judges the SDK in tests; the SDK itself needs none of it.
npm: web/node_modules/.package-lock.json
web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --silent

package: wasm npm ## the npm package of the SDK: .cache/npm/nearside and its tarball beside it
	node web/package.mjs

# Three engines run the same benchmarks of the core, with the same names:
#	make bench | tee bench.txt; benchstat -ignore goos,goarch,cpu -col engine bench.txt
# BenchmarkBesideC has the int8 scan beside a C loop, where there is gcc.
BENCH ?= .
COUNT ?= 6
BENCHTIME ?= 1s
BENCHFLAGS = -run xxx -bench '$(BENCH)' -benchtime $(BENCHTIME) -count $(COUNT) -cpu 1 -timeout 60m

bench: wasm ## benchmarks for benchstat: native, wazero, V8; BENCH=Scan COUNT=6 BENCHTIME=1x
	@echo 'engine: native'
	@go test $(BENCHFLAGS) ./model/core/... ./model/train ./host
	@go build -o bin/wazero github.com/tetratelabs/wazero/cmd/wazero
	@echo 'engine: wazero'
	@GOOS=wasip1 GOARCH=wasm go test $(BENCHFLAGS) ./model/core/... \
	  -exec '$(CURDIR)/bin/wazero run -mount /:/ -env-inherit -cachedir $(CURDIR)/.cache/wazero'
	@echo 'engine: v8'
	@GOOS=js GOARCH=wasm go test $(BENCHFLAGS) ./model/core/... -exec "$$(go env GOROOT)/lib/wasm/go_js_wasm_exec"

# ARGS: see node web/bench/peers.js --help.
bench-peers: wasm browsers ## in-browser peers on the same vectors; ARGS='--sizes 10k'
	cd web/bench && { npm ci --silent || npm install --silent; }
	go run ./web/bench/world .cache/world 10k 100k 1m
	node web/bench/peers.js $(ARGS)

# ARGS: m1 5m 25m, or -tune; see go doc ./model/train/bench.
bench-train: build ## iALS against implicit 0.7: seconds per epoch, NDCG, memory; ARGS=m1
	@venv=.cache/bench-train/venv; test -x $$venv/bin/python || \
	  { python3 -m venv $$venv && $$venv/bin/pip install -q implicit==0.7.3; } || \
	  echo 'bench-train: no implicit 0.7.3 without python3 and its package index'
	go run ./model/train/bench $(ARGS)

# NEARSIDE_DATA names the folder of data sets; ARGS: see go doc ./model/publish/bench.
bench-update: ## what a daily update takes, with and without yesterday's bundle; ARGS='-days 10'
	go run ./model/publish/bench $(ARGS)

fuzz: wasm ## each fuzz target for T, and how often it ran
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do \
	  out=$$(go test -run xxx -fuzz "^$$f$$" -fuzztime $(T) -fuzzminimizetime 1s $$p 2>&1) || { echo "$$out"; exit 1; }; \
	  echo "$$p $$f: $$(echo "$$out" | grep -o 'execs: [0-9]*' | tail -1)"; done; done

mutants: ## lose each check of the verifier in turn: the tests must notice
	go run ./model/channeltest/mutants

golden: wasm npm ## rewrite goldens and vectors; read the diff
	go test ./wasm ./host ./model/pack ./model/publish/translog -update
	node web/package.mjs --update

size: wasm ## the module's size, raw and brotli, against the golden file
	go test ./wasm -run '^TestSize$$' -count=1
	@cat wasm/testdata/size.txt

# NEARSIDE_DATA names the folder of data sets; ARGS: -only gowalla -again …
results: wasm ## fill the tables of model/eval/RESULTS.md; goes on where it was
	go run ./model/eval/results $(ARGS)

results-short: wasm ## the quick ones of these tables, anew; fails when auto falls short
	go run ./model/eval/results -short -again -rows .cache/results/short.jsonl $(ARGS)

nightly: export NEARSIDE_NIGHTLY = 1
nightly: test test-wasm fuzz mutants ## the long forms

clean:
	rm -rf bin wasm/bin/nearside.wasm
