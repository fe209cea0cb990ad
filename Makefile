# SPDX-License-Identifier: BSD-3-Clause
# The few words that people type; the work is done by meson and the scripts.

all: build/build.ninja
	ninja -C build

build/build.ninja:
	meson setup build

run:
	./serve

test:
	./check

# BENCH: options of bench/run, as BENCH=--quick
bench:
	bench/run $(BENCH)

# FUZZ: seconds for each fuzzer, and names of fuzzers, as FUZZ="60 stream"
fuzz:
	./scripts/fuzz $(or $(FUZZ),600)

analyze:
	./scripts/analyze

install: build/build.ninja
	meson install -C build
	packaging/after-install

# SOAK: seconds of everything at once
soak: all
	WEFT_SOAK_SECONDS=$(or $(SOAK),600) /usr/bin/python3 -m pytest -v -rP tests/load/test_soak.py

# CRASH: how often the daemon is killed, and the power is cut
crash: all
	WEFT_CRASH_ROUNDS=$(or $(CRASH),500) /usr/bin/python3 -m pytest -v -rP tests/faults/test_crash.py

.PHONY: all run test bench fuzz analyze crash soak install
