# `make test` is the gate. It wants Rust, Go, Python, a C compiler and, for the tests in
# network namespaces, root with curl, iproute2, nftables, procps, tinyproxy-bin, microsocks and stunnel4.

CARGO ?= cargo
PEERS_BUILD := tests/peers/build
CLIENTS_BUILD := tests/clients/build
BENCH_BUILD := bench/peers/build
# No member of the workspace, but its dependencies are the same.
FUZZ := --manifest-path fuzz/Cargo.toml --target-dir target

.PHONY: help build peers test soak bench bench-all lint fmt docs

help:
	@echo "make build   the release binary, target/release/adit"
	@echo "make peers   the real API servers and clients that the tests run against"
	@echo "make test    everything: peers, release binary, all tests"
	@echo "make soak    the long forms of the tests (hours)"
	@echo "make bench   what a path costs, beside others (25 minutes)"
	@echo "make bench-all  with delay, loss, 10,000 agents and an hour of leases too (hours; can be resumed)"
	@echo "make lint    formatting, clippy, docs, dependency rules"

build:
	$(CARGO) build --release --locked -p adit

# Of each, the folder with the programs is the last line.
peers:
	@$(PEERS_BUILD)
	@$(CLIENTS_BUILD)

# With the fuzz targets' seeds, which need no fuzzer.
test: build
	@# What the tests measure is reported with their output.
	ADIT_PEERS="$$($(PEERS_BUILD) | tail -n 1)" ADIT_CLIENTS="$$($(CLIENTS_BUILD) | tail -n 1)" \
		$(CARGO) test --workspace --locked -- --show-output
	$(CARGO) test $(FUZZ) --locked
	$(CARGO) test -p adit --features otel --locked --test binary traces

soak: build
	ADIT_SOAK=1 ADIT_PEERS="$$($(PEERS_BUILD) | tail -n 1)" ADIT_CLIENTS="$$($(CLIENTS_BUILD) | tail -n 1)" \
		$(CARGO) test --workspace --locked -- --nocapture

# bench/README.md tells what it prints. The programs of the peers are built
# first, once.
bench bench-all: build
	$(CARGO) build --release --locked -p bench
	ADIT_PEERS="$$($(PEERS_BUILD) | tail -n 1)" ADIT_BENCH_PEERS="$$($(BENCH_BUILD) | tail -n 1)" \
		target/release/adit-bench run $(if $(filter bench-all,$@),--all --resume)
	ADIT_PEERS="$$($(PEERS_BUILD) | tail -n 1)" \
		target/release/adit-bench api $(if $(filter bench-all,$@),--all --resume)
	ADIT_PEERS="$$($(PEERS_BUILD) | tail -n 1)" \
		target/release/adit-bench works $(if $(filter bench-all,$@),--resume)
	$(if $(filter bench-all,$@),target/release/adit-bench fleet --resume)

lint: fmt docs
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy -p adit --features otel --all-targets --locked -- -D warnings
	$(CARGO) clippy $(FUZZ) --all-targets --locked -- -D warnings
	cd bench/load && test -z "$$(gofmt -l .)" && GOWORK=off go vet ./...
	@# One crypto provider: a second one makes the first handshake panic.
	@! $(CARGO) tree --workspace --locked --invert ring 2>/dev/null | grep -q . \
		|| { echo "ring is in the dependency tree"; exit 1; }

fmt:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked
