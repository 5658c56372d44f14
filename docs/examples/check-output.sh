#!/bin/sh
# check-output.sh PROGRAM EXPECTED: runs PROGRAM; its last line must be EXPECTED.
last=$("$1" | tail -n 1)
if [ "$last" = "$2" ]; then
    exit 0
fi
echo "expected: $2" >&2
echo "found:    $last" >&2
exit 1
