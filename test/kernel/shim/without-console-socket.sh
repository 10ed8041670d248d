#!/bin/sh
# runc, but deaf to --console-socket.
for word; do
	shift
	case $word in --console-socket) skip=1 ;; *) [ "$skip" ] || set -- "$@" "$word"; skip= ;; esac
done
exec runc "$@"
