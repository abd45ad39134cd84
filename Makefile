# make        what there is
# make test   everything that must hold before a commit is pushed

SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

GO        ?= go
TOOL      := $(GO) tool -modfile=.ci/tools.mod
FUZZTIME  ?= 3s
BENCHTIME ?= 200ms
BENCH     ?= .

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/throng
	$(GO) build -o bin/throng ./cmd/throng

# Fast stages first: what fails soon is told soon.
.PHONY: test
test: deps ## all checks, in order: format, vet, unit (-race), single (GOMAXPROCS=1), fuzz, lint, interop
	@.ci/stage format .ci/format
	@.ci/stage vet $(MAKE) --no-print-directory vet
	@.ci/stage unit $(MAKE) --no-print-directory unit
	@.ci/stage single $(MAKE) --no-print-directory single
	@.ci/stage fuzz .ci/fuzz $(FUZZTIME)
	@.ci/stage lint $(MAKE) --no-print-directory lint
	@.ci/stage interop $(MAKE) --no-print-directory interop
	@echo '== all stages passed'

.PHONY: web
web: ## the official browser client for `throng serve --app chat`, into out/web (npm)
	@test -d bench/interop/node_modules/socket.io-client || npm ci --prefix bench/interop
	@mkdir -p out/web && cp bench/interop/node_modules/socket.io-client/dist/* out/web/
	@echo 'the official client is in out/web: throng serve --app chat'

.PHONY: deps
deps: ## install what the tests need and this machine lacks (apt, npm ci, Go modules)
	@.ci/deps

.PHONY: format
format: ## rewrite the Go files with gofumpt
	find . -name '*.go' -not -path '*/node_modules/*' -print0 | xargs -0 $(TOOL) gofumpt -w

.PHONY: vet
vet: ## go vet, also of the tests behind build tags
	$(GO) vet ./...
	$(GO) vet -tags interop,cluster,fleet,soak ./bench/...
	$(GO) vet -tags network ./scenario ./scenario/link/network

# No stage takes a cached result: tests here start processes and list packages, which the cache does not see. `vet` has vetted
# what the others compile, with more analyzers than `go test` would take.
GOTEST := $(GO) test -vet=off -count=1 -timeout 20m

# What paints, compresses and matches, all of it code of others that shares nothing between calls, is compiled without the
# detector, under which a report takes minutes to draw. Our calls of it, and the buffers given to it, are watched.
UNWATCHED := compress/flate hash/adler32 hash/crc32 image/... regexp/... golang.org/x/image/... \
	git.sr.ht/~sbinet/gg github.com/golang/freetype/... github.com/ajstarks/svgo gonum.org/v1/plot/...

# The detector compares goroutines, and finds nothing in tests that have only one: these packages start none, which
# bench/serial_test.go holds. `single` runs their tests; what runs beside their code elsewhere is watched there.
SERIAL := ./protocol/address ./protocol/engineio ./protocol/hostname ./protocol/natsconn ./protocol/socketio ./protocol/websocket \
	./reports ./reports/capacity ./reports/compare ./reports/curves ./reports/dots ./reports/export ./reports/internal/charts \
	./reports/internal/draw ./reports/internal/layout ./reports/internal/sentences ./reports/internal/stats \
	./reports/internal/tables ./reports/model ./scenario/file ./scenario/internal/judge ./scenario/result ./scenario/search

# A process that the detector watches sleeps for a second at its end, to see what others of its goroutines still do, unless
# it is told how long. Tests here start hundreds of processes, and packages end with a leak check.
.PHONY: unit
unit: ## unit tests under the race detector, of the packages that start goroutines
	GORACE=atexit_sleep_ms=20 $(GOTEST) -race $(UNWATCHED:%=-gcflags=%=-race=false) \
		$$($(GO) list ./... | grep -vxF "$$($(GO) list $(SERIAL))")

# One processor orders goroutines in ways that many never do, and without the race detector what must not allocate can be
# counted: it empties pools at random. It is one for each package; without -p packages would wait for one another, too, and
# without -parallel tests that wait.
.PHONY: single
single: ## unit tests with GOMAXPROCS=1, and tests of allocations
	GOMAXPROCS=1 $(GOTEST) -p $(shell getconf _NPROCESSORS_ONLN) -parallel 2 \
		./protocol/... ./server/... ./scenario/... ./cmd/throng/internal/... ./reports/...

.PHONY: lint
lint: ## golangci-lint, pinned in .ci/tools.mod, and the Kubernetes manifests
	$(TOOL) golangci-lint run --allow-serial-runners ./...
	cd .ci/manifests && $(GO) run . $(CURDIR)/scenario/fleet/kubernetes/*.yaml

.PHONY: test-fleet
test-fleet: ## runs on several load generators: killed, cut off, with other clocks; 40 000 clients (Linux, root)
	$(GO) test -tags fleet -count=1 -timeout 30m -v ./bench/fleet

.PHONY: test-network
test-network: ## packet loss under TCP and under a run, and the clean-up after a kill (Linux, root)
	$(GO) test -race -tags network -count=1 -timeout 10m ./scenario/link/network
	$(GO) test -race -tags network -count=1 -timeout 10m -run 'Packet|Moved' ./scenario

.PHONY: soak-fleet
soak-fleet: ## ten minutes on four agents, of which one is lost and comes back
	$(GO) test -tags fleet,soak -run TestSoak -count=1 -timeout 20m -v ./bench/fleet

.PHONY: interop
interop: ## the official Socket.IO clients and server against ours
	$(GOTEST) -tags interop ./bench/interop

.PHONY: test-cluster
test-cluster: deps ## every fault of brokers and servers (root), and clusters of official servers and ours
	$(GO) test -race -tags cluster -count=1 -timeout 30m ./bench/cluster
	$(GO) test -race -count=1 -timeout 30m -run TestModel ./server/adapter -steps 3000
	CLUSTER_MESSAGES=10000 $(GO) test -tags interop,cluster -count=1 -timeout 30m -run 'Cluster|PeersApart' ./bench/interop

.PHONY: cross
cross: ## build and vet for the other platforms of a release, and build for Windows, whose tests would need signals that it lacks
	@set -e; for platform in linux/arm64 darwin/arm64 darwin/amd64 windows/amd64; do \
		export CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/}; \
		echo "cross: $$platform"; $(GO) build ./...; [ $$GOOS = windows ] || $(GO) vet ./...; \
	done

.PHONY: release
release: ## archives for linux and darwin, amd64 and arm64, with man pages and checksums, in out/release
	@.ci/release

.PHONY: release-check
release-check: ## make release, twice with the same bytes; its program, man pages and image tried (Linux, root)
	@.ci/release check

.PHONY: cover
cover: ## unit tests in random order, with their coverage (coverage.txt)
	$(GO) test -shuffle=on -coverprofile=coverage.out -coverpkg=./... -timeout 30m ./...
	$(GO) tool cover -func=coverage.out > coverage.txt
	@tail -n 1 coverage.txt

.PHONY: fuzz
fuzz: ## every fuzz target for longer (FUZZTIME=1m)
	@.ci/fuzz $(if $(filter file,$(origin FUZZTIME)),1m,$(FUZZTIME))

.PHONY: bench
bench: ## micro-benchmarks of codecs, fan-out and client (BENCH=regexp BENCHTIME=200ms)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) ./protocol/... ./server/... ./scenario/...

.PHONY: bench-fanout
bench-fanout: ## cost of a delivery beside Node and the floor, all cases, into bench/results: a quarter of an hour (Linux; ARGS=--help)
	$(GO) run ./bench/fanout $(ARGS)

.PHONY: bench-nodes
bench-nodes: ## the same for clusters of three nodes with each Redis adapter (Linux; ARGS=--help)
	$(GO) run ./bench/fanout --cases nodes-broadcast,nodes-rooms,nodes-room-flood,nodes-latency $(ARGS)

.PHONY: league
league: deps ## rank Throng beside Node, Go and Python servers, into bench/results/league: within an hour (ARGS=--quick)
	$(GO) run ./bench/league $(ARGS)

.PHONY: claims
claims: ## measure common claims about Socket.IO, into bench/claims.md: a quarter of an hour (ARGS=--help)
	$(GO) run ./bench/claims $(ARGS)

.PHONY: bench-generator
bench-generator: ## cost of the load generator: memory of 8 000 clients, CPU time beside bare clients (ARGS=--help)
	$(GO) run ./bench/generator $(ARGS)

.PHONY: bench-accuracy
bench-accuracy: ## reported latencies beside the known delays of a server
	$(GO) run ./bench/accuracy $(ARGS)

.PHONY: bench-starve
bench-starve: ## verdicts of a starved generator beside the truth (Linux; ARGS=--help)
	$(GO) run ./bench/starve --out bench/results $(ARGS)

.PHONY: bench-cluster
bench-cluster: ## recovery times of clusters after each fault, into server/README.md: ten minutes (Linux, root)
	$(GO) run ./bench/cluster --update $(ARGS)

.PHONY: chaos
chaos: ## every workload through every fault, and the table of scenarios/README.md: 20 minutes (Linux; ARGS=--quick: two)
	$(GO) run ./bench/chaos --out bench/results/chaos $(if $(ARGS),$(ARGS),--update)

.PHONY: bench-pairs
bench-pairs: ## power and false alarms of throng compare --live: two hours (Linux; ARGS=--help)
	$(GO) run ./bench/pairs --out bench/results $(ARGS)

.PHONY: bench-truth
bench-truth: ## reports beside a server that makes mistakes on purpose and counts them (ARGS=--help)
	$(GO) run ./bench/truth $(ARGS)

# The same load all the time, and clients that come and go, 250 of them a second: a leak hides in either.
CHURN := --set listeners=50 --set rate=5/s --set visitors=500 --set stay=2s
# Its arguments: how long it settles, how long it is watched, and by how much anything may grow in an hour.
SOAK = $(GO) run ./cmd/throng run soak --set phases.settle.for=$(1) --set phases.hold.for=$(2) --set growth=20% --set drift=$(3)

.PHONY: soak
soak: ## twice twelve minutes, with steady clients and with churn: nothing may grow (ARGS=--help)
	$(call SOAK,2m,10m,20%) $(ARGS)
	$(call SOAK,2m,10m,20%) $(CHURN) $(ARGS)

.PHONY: soak-hours
soak-hours: ## the same for an hour each
	$(call SOAK,10m,1h,5%) $(ARGS)
	$(call SOAK,10m,1h,5%) $(CHURN) $(ARGS)

.PHONY: hostile
hostile: ## ten minutes of hostile traffic beside 500 good clients on every transport, who must not notice (ARGS=--help)
	$(GO) run ./bench/hostile --for 10m --attackers 400 $(ARGS)

.PHONY: clean
clean: ## remove builds, installed packages and coverage files
	rm -rf bin out coverage* bench/interop/node_modules bench/peers/node/node_modules bench/peers/shop/node_modules \
		bench/peers/artillery/node_modules
