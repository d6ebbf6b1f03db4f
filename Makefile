# `make test` is the gate. It wants Rust, Go, a C compiler and, for the tests in
# network namespaces, root with iproute2, nftables and procps.

CARGO ?= cargo
PEERS_BUILD := tests/peers/build
# No member of the workspace, but its dependencies are the same.
FUZZ := --manifest-path fuzz/Cargo.toml --target-dir target

.PHONY: help build peers test soak lint fmt docs

help:
	@echo "make build   the release binary, target/release/adit"
	@echo "make peers   the real API servers and clients that the tests run against"
	@echo "make test    everything: peers, release binary, all tests"
	@echo "make soak    the long forms of the tests (hours)"
	@echo "make lint    formatting, clippy, docs, dependency rules"

build:
	$(CARGO) build --release --locked -p adit

# The folder with the programs is the last line.
peers:
	@$(PEERS_BUILD)

# With the fuzz targets' seeds, which need no fuzzer.
test: build
	@# What the tests measure is reported with their output.
	ADIT_PEERS="$$($(PEERS_BUILD) | tail -n 1)" \
		$(CARGO) test --workspace --locked -- --show-output
	$(CARGO) test $(FUZZ) --locked

soak: build
	ADIT_SOAK=1 ADIT_PEERS="$$($(PEERS_BUILD) | tail -n 1)" \
		$(CARGO) test --workspace --locked -- --nocapture

lint: fmt docs
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy $(FUZZ) --all-targets --locked -- -D warnings
	@# One crypto provider: a second one makes the first handshake panic.
	@! $(CARGO) tree --workspace --locked --invert ring 2>/dev/null | grep -q . \
		|| { echo "ring is in the dependency tree"; exit 1; }

fmt:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked
