#!/bin/sh
# Installs and builds all that Tallyman needs on a Debian machine: system packages, npm packages, the shim and the system call addon.
# Running it again is cheap: what is there is left alone.
set -eu
cd "$(dirname "$0")/.."

fail() { echo "setup: $*" >&2; exit 1; }

missing=''
need() { # need COMMAND PACKAGE
  PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need runc runc
need busybox busybox-static
need ip iproute2
need tini-static tini
need gcc gcc
need make make
need musl-gcc musl-tools
need xz xz-utils
need bzip2 bzip2
if [ "${1:-}" = test ]; then
  need docker docker.io
  need ctr containerd
  need strace strace
  need mkfs.ext4 e2fsprogs
  need docker-compose docker-compose
  [ -e /usr/lib/python3/dist-packages/docker ] || missing="$missing python3-docker"
fi
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"

if [ -n "$missing" ]; then
  [ "$(id -u)" = 0 ] || fail "missing Debian packages:$missing (run setup as root, or install them yourself)"
  command -v apt-get >/dev/null || fail "missing:$missing, and there is no apt-get here to install them"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || fail 'apt-get update failed'
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing >/dev/null || fail "apt-get could not install:$missing"
fi

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  # No install script but one: the package `node` fetches the binary of this machine's architecture. Everything else brings its own.
  # Not `npm ci`: it refuses the lock file where the registry does not carry the other platforms' optional binaries.
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
  (cd node_modules/node && node installArchSpecificPackage >/dev/null)
  ln -sf ../node/bin/node node_modules/.bin/node
  touch node_modules/.package-lock.json
fi
make -s -C src/kernel
make -s -C src/shim
npm run -s build:proto
# Loads everything once, so that the compile cache is warm: a start from a cold one costs memory and time.
bin/tallyd --version >/dev/null
