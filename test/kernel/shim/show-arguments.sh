#!/bin/sh
# Stands for a runtime that fails: says on stderr how it was called.
echo "$@" >&2
exit 9
