# Two commands do everything on a fresh machine with Rust, make and a C compiler: `make run` and `make test`.

CARGO ?= cargo
DATA ?= data
BIN := target/release/vestibule

.PHONY: run demo build test check bench fuzz model clean

# Builds in release mode and serves on SQLite under ./data until Ctrl-C.
run: build
	@$(BIN) serve --data $(DATA)

# The same with a small organization to look at.
demo: build
	@$(BIN) serve --data $(DATA) --demo

build:
	@$(CARGO) build --quiet --release --package vestibule

# Every test: units, storage on both databases, real clients against the real binary.
test:
	@tools/test

# Formatting, lints, generated code, house rules, licences.
check:
	@tools/check

# Ratios against a bare handler of the same framework, and the engine's own figures.
bench:
	@tools/bench

# Bounded runs of the fuzz targets.
fuzz:
	@tools/fuzz

# Regenerates the API types from models/.
model:
	@$(CARGO) xtask model

clean:
	@$(CARGO) clean
