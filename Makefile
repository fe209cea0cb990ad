# SPDX-License-Identifier: BSD-3-Clause
# The few words that people type; the work is done by meson and the scripts.

run:
	./serve

test:
	./check

bench:
	./scripts/bench

install:
	test -e build/build.ninja || meson setup build
	meson install -C build

.PHONY: run test bench install
