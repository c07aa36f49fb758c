# `make` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help up demo test race lint bench kafka kill-test kill-months chaos generate ci long

TESTFLAGS ?=
PACKAGES ?= ./...
BENCH ?= .
NODES ?= 1
SECONDS ?= 600
FAULTS ?= 100
SEED ?= 1

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## start everything on this machine (Ctrl-C stops it)
	go run ./cmd/goniec up

demo: ## 1,000 simulated messages from request to month totals, then checks of every promise
	go run ./cmd/goniec demo

test: ## all tests; needs nothing but Go
	@go test $(TESTFLAGS) $(PACKAGES)

race: ## all tests with the race detector (needs a C compiler)
	go test -race $(TESTFLAGS) $(PACKAGES)

lint: ## the linters of .golangci.yml; ARGS=--fix repairs what can be
	.ci/lint $(ARGS)

bench: ## benchmarks; BENCH=regexp picks
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...
	.ci/bench up

kafka: ## Apache Kafka in the foreground, its address printed; NODES=3 is a cluster (needs Java and Maven)
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && .ci/kafka/kafka run "$$dir" $(NODES)

kill-test: ## kill -9 under load, again and again: nothing lost, nothing doubled
	.ci/kill-test

kill-months: ## kill -9 around an approval, a sender's end and the close of a month: one of each
	.ci/kill-months

chaos: ## SECONDS of load, FAULTS of all kinds planned by SEED, then every promise checked from the outside
	.ci/chaos -seconds $(SECONDS) -faults $(FAULTS) -seed $(SEED) $(ARGS)

generate: ## what is generated from the code: pages of events, states, roles, guarantees, commands and metrics
	go run ./tools/eventdocs
	go test ./domain/message -run StatesPage -update
	go test ./eventstore/storetest -run GuaranteesPage -update
	GONIEC_UPDATE=1 go test ./domain/account ./domain/catalog
	GONIEC_UPDATE=1 go test -run RolesPage ./adapters/httpapi
	GONIEC_TEST_UPDATE=1 go test -run 'TestDocs|TestMetricsPage' ./cmd/goniec/internal/cli ./cmd/goniec/internal/run

ci: ## what every change must pass (installs Debian packages)
	.ci/run

long: ## what takes too long for every change
	.ci/long
