#!/bin/sh
# Everything that a change must pass: format, lint, tests, and the command itself. Also what CI runs.
set -eu
cd "$(dirname "$0")/.."

# The format first: it takes seconds. "./mvnw spotless:apply" repairs it. No -q: it would hide the tests.
./mvnw -B -ntp spotless:check verify </dev/null

# The launcher: stdout untouched, stderr free of the JVM's remarks.
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
./batchjac --version </dev/null 2>"$errors"
if [ -s "$errors" ]; then
    cat "$errors" >&2
    echo "verify: ./batchjac --version wrote the lines above to stderr; it must write nothing there" >&2
    exit 1
fi

# The bench: a project of its own, which needs the jar that was just built.
./mvnw -q -B -ntp -f bench/pom.xml spotless:check test-compile </dev/null
