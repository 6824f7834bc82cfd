#!/bin/sh
# Measures batchjac: see usage below, and README.md beside this file.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
home=$(dirname "$here")

usage() {
    cat <<'END'
Usage: bench/run.sh COMMAND [options]

  short       every item in float32, three rounds: some minutes; writes results/DATE-MACHINE-short.json
  long        both precisions, five rounds, one thread as well, growth with the batch: an hour or
              more; what it has when it is stopped is written
  smoke       every item tiny, checked, with all that can be had of the contenders, and a report that is thrown away
  report      [FILE…] plots and the README's tables from the newest result, or from these files
  calibrate   the CPU's constants of the cost model, as measured here, beside those in use
  jmh         JMH's own runner on this library's benchmarks; takes its options: -prof gc, -p item=…, -l

Options for short, long and smoke
  --only REGEX      only the items whose "formula/size B<batch>" contains a match: --only 'softmax.*B256'
  --no-peers        this library and the limits only
  --no-djl          without DJL, which is some hundred MB to fetch the first time
  --threads N       for everybody; default: one per processor
  --precision f64   one precision
  --growth          short with the growth items
  --out FILE        where the results go

Peers in Python are found through $BATCHJAC_PYTHON, python3 and /usr/bin/python3, whichever imports them first. What is missing is
skipped and named. On Debian: apt install python3-numpy python3-torch libopenblas0-pthread
Memory for this process: BATCHJAC_JAVA_OPTS=-Xmx8g
END
}

case ${1:-} in
    short | long | smoke | report | calibrate | jmh) ;;
    -h | --help | help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
esac

# The library first; its launcher knows when it must be built.
"$home/batchjac" --version >/dev/null </dev/null

mvn() { (cd "$home" && ./mvnw -q -B -ntp -f bench/pom.xml "$@" </dev/null); }
djl=no
case $1 in
    short | long)
        djl=yes
        for argument in "$@"; do
            case $argument in --no-peers | --no-djl) djl=no ;; esac
        done
        ;;
esac
if [ "$djl" = yes ] && ! mvn -Pdjl process-classes; then
    echo "bench: no DJL (see above); going on without it" >&2
    djl=no
fi
[ "$djl" = yes ] || mvn process-classes

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
library=
for jar in "$home"/target/batchjac-*.jar; do
    if [ -z "$library" ] || [ "$jar" -nt "$library" ]; then library=$jar; fi
done
classes=$here/target/classes:$library:$here/target/lib/*
if [ "$1" = jmh ]; then
    shift
    set -- org.openjdk.jmh.Main "$@"
else
    set -- io.github.batchjac.bench.Main "$@"
fi
# shellcheck disable=SC2086 # several options, split at spaces
exec "$java" ${BATCHJAC_JAVA_OPTS:-} --add-modules jdk.incubator.vector "-Dbatchjac.bench.home=$here" \
    -Djava.awt.headless=true -cp "$classes" "$@"
