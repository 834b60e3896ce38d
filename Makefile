# Usher's make targets. Bare `make` explains them.
#
# build, test and demo need Go and nothing else. The linter and the protocol
# compiler are built from source at the versions that .ci/tools.mod pins.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

GOOS   := $(shell $(GO) env GOOS)
GOARCH := $(shell $(GO) env GOARCH)
HOST   := $(shell $(GO) env GOHOSTOS)-$(shell $(GO) env GOHOSTARCH)
EXE    := $(if $(filter windows,$(GOOS)),.exe)
# The race detector needs cgo, and so a C compiler.
RACE   := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

BIN        := bin
TOOLS      := bin/tools
PROGRAMS   := ./agent/cmd/usher ./connectors/sandbox/usher-sandbox
CONNECTORS := ./connectors/entra-export ./connectors/entra-fulfill
PLATFORMS  := linux-amd64 linux-arm64 windows-amd64 windows-arm64
BUILD       = CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)'

FUZZTIME ?= 20s
SOAKTIME ?= 30m
BENCH    ?=

.DEFAULT_GOAL := help
.PHONY: help
help: ## Explain the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##### Build and run

.PHONY: build
build: ## Build usher, usher-sandbox and the connector programs into bin/
	$(BUILD) -o $(BIN)/ $(PROGRAMS)
	$(BUILD) -o $(BIN)/connectors/ $(CONNECTORS)
ifeq ($(GOOS)-$(GOARCH),$(HOST))
	$(BIN)/usher$(EXE) connectors trust
endif

.PHONY: cross
cross: $(PLATFORMS:%=cross-%) ## Build for Linux and Windows, amd64 and arm64, into bin/cross/

.PHONY: $(PLATFORMS:%=cross-%)
$(PLATFORMS:%=cross-%): cross-%:
	GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) $(BUILD) -o bin/cross/$*/ $(PROGRAMS)
	GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) $(BUILD) -o bin/cross/$*/connectors/ $(CONNECTORS)

.PHONY: demo
demo: build ## Export a simulated tenant and carry out orders in it, from start to end
	$(GO) run ./agent/demo

.PHONY: clean
clean: ## Remove bin/
	rm -rf bin

##### Test and measure

.PHONY: test
test: ## Run all tests, with the race detector where a C compiler is at hand
	$(GO) test $(RACE) -timeout 10m ./...

.PHONY: test-short
test-short: ## Run the tests that take a moment only
	$(GO) test -short ./...

.PHONY: clients
clients: build ## Run other people's Graph clients against the simulated tenant (needs Node 20)
	cd connectors/sandbox/clients && npm ci --no-audit && \
		USHER_SANDBOX='$(CURDIR)/$(BIN)/usher-sandbox$(EXE)' npm test

.PHONY: fuzz
fuzz: ## Run each fuzz test for FUZZTIME (20s)
	GO='$(GO)' sh .ci/fuzz $(FUZZTIME)

.PHONY: soak
soak: ## Run the TestSoak... tests for SOAKTIME each (30m)
	USHER_SOAK=$(SOAKTIME) $(GO) test -count=1 -timeout 0 -v -run '^TestSoak' ./...

.PHONY: bench
bench: build ## Measure the export against a bare download; BENCH holds its flags
	$(GO) run ./agent/bench $(BENCH)

##### Check

.PHONY: vet
vet: ## Run go vet for Linux and for Windows
	GOOS=linux $(GO) vet ./...
	GOOS=windows $(GO) vet ./...

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Run golangci-lint for Linux and for Windows; it holds the layering
	GOOS=linux $(TOOLS)/golangci-lint run ./...
	GOOS=windows $(TOOLS)/golangci-lint run ./...

.PHONY: generate
generate: proto-tools ## Generate the Go code of the connector protocol
	$(TOOLS)/buf generate

.PHONY: generated-check
generated-check: proto-tools ## Fail if the generated code is not what generate makes
	rm -rf bin/_generated
	$(TOOLS)/buf generate --output bin/_generated
	diff -ru -x '*.proto' -x '*_test.go' -x '*.md' bin/_generated/proto proto

.PHONY: proto-lint
proto-lint: $(TOOLS)/buf ## Lint the connector protocol
	$(TOOLS)/buf lint

.PHONY: proto-breaking
proto-breaking: $(TOOLS)/buf ## Fail if the connector protocol breaks with the last release's
	sh .ci/proto-breaking $(TOOLS)/buf

.PHONY: ci
ci: ## Run everything that continuous integration runs
	bash .ci/run

##### Tools

.PHONY: proto-tools
proto-tools: $(TOOLS)/buf $(TOOLS)/protoc-gen-go $(TOOLS)/protoc-gen-go-grpc

# go build compares by content, so a tool is compiled anew only when its modules changed.
BUILD_TOOL = CGO_ENABLED=0 $(GO) build -modfile=.ci/tools.mod -o $@

$(TOOLS)/golangci-lint: .ci/tools.mod
	$(BUILD_TOOL) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLS)/buf: .ci/tools.mod
	$(BUILD_TOOL) github.com/bufbuild/buf/cmd/buf

$(TOOLS)/protoc-gen-go-grpc: .ci/tools.mod
	$(BUILD_TOOL) google.golang.org/grpc/cmd/protoc-gen-go-grpc

# From the product's own modules: generator and runtime are always of one version.
$(TOOLS)/protoc-gen-go: go.mod
	CGO_ENABLED=0 $(GO) build -o $@ google.golang.org/protobuf/cmd/protoc-gen-go
