# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What ./serve and ./check share: words to who waits, packages, builds. To be sourced from the top
# of the checkout with `set -euo pipefail`.

# shellcheck disable=SC2034 # for those who source this
build_packages=(
	gcc libc6-dev make meson ninja-build pkgconf scdoc
	liburing-dev libjansson-dev libmicrohttpd-dev libssl-dev libisal-dev libcmocka-dev
	libcurl4-openssl-dev libseccomp-dev
)

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# quietly WORDS LOG COMMAND...: runs it with its output in LOG; shows the log only if it fails.
quietly() {
	local words=$1 log=$2 started=$SECONDS
	shift 2

	say "$words ..."
	if "$@" > "$log" 2>&1 < /dev/null; then
		say "$words: done in $((SECONDS - started)) s"
		return 0
	fi
	tail -n 40 "$log" >&2
	die "$words failed; all that it said: $log"
}

# Prints those of the packages that aren't installed.
missing_packages() {
	local package

	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2> /dev/null | grep -q '^.i' ||
			echo "$package"
	done
}

# Runs a command as root, and never asks for a password.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

apt_install() {
	export DEBIAN_FRONTEND=noninteractive

	as_root apt-get update -q &&
		as_root apt-get install -q -y --no-install-recommends "$@"
}

# need_packages PACKAGE...: installs what is missing of them.
need_packages() {
	local missing

	command -v dpkg-query > /dev/null ||
		{ say "this is no Debian: hoping that the packages are there: $*"; return; }
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "missing: ${missing[*]}"
	as_root true 2> /dev/null ||
		die "run this as root or with sudo, or install: apt-get install ${missing[*]}"
	quietly "installing ${#missing[@]} packages" "$(mktemp --tmpdir weft-apt.XXXXXX)" \
		apt_install "${missing[@]}"
}

# build FOLDER "TARGETS" MESON-OPTION...: compiles there; targets "" means all.
build() {
	local folder=$1 targets=$2
	shift 2

	if [ ! -e "$folder/build.ninja" ]; then
		mkdir -p "$folder"
		quietly "configuring $folder" "$folder/configure.log" meson setup "$folder" "$@"
	fi
	# On a terminal, ninja shows in one line how far it is.
	# shellcheck disable=SC2086 # targets are words
	if [ -t 1 ]; then
		say "building $folder ..."
		ninja -C "$folder" $targets || die "building $folder failed"
	else
		quietly "building $folder" "$folder/build.log" ninja -C "$folder" $targets
	fi
}
