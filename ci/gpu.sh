#!/bin/sh
# Builds target/batchjac-gpu-kit.tar.gz: tests, bench and all they need to run on a Linux machine (x86-64) that has an NVIDIA
# driver and nothing else. Needs a JDK with jlink (17 or newer); compiles, runs no tests. There:
#
#   tar xzf batchjac-gpu-kit.tar.gz && ./batchjac-gpu-kit/run.sh        suite and bench, gpu-report/report.json
#   ./run.sh suite                                                     the tests alone
#   ./run.sh bench --only softmax                                      the times of one family of kernels
#   ./run.sh all --minutes 20 --out DIR                                takes up to 20 minutes instead of 9
#   compute-sanitizer --target-processes all ./run.sh suite --quick    small sizes, under NVIDIA's checker
#
# run.sh ends with 1 if a test failed or was skipped or a result was wrong, or if there is no GPU; REQUIRE_GPU=0 lets the last
# and skipped tests pass. Suite and bench run everything in processes of their own, whose output is in gpu-report/logs.tar.gz.
#
#   ci/gpu.sh               builds the kit
#   ci/gpu.sh --run …       builds it, and runs it here with what follows
set -eu
cd "$(dirname "$0")/.."
kit=target/batchjac-gpu-kit
archive=$kit.tar.gz
most=62914560 # 60 MiB

# What is linked into the kit's Java. JNA would like java.desktop and AssertJ java.sql, for what nobody here calls.
modules=java.base,java.logging,java.management,jdk.unsupported,jdk.incubator.vector

# On the class path of the tests, but not for these tests: OpenBLAS (the vector API is there), the command, ONNX Runtime,
# ArchUnit; JCuda's natives are unpacked below.
without=onnxruntime,openblas,javacpp,arpack_combined_all,picocli,progressbar,jline-terminal,jline-native,archunit,slf4j-api
without=$without,jcuda-natives,jcublas-natives,jspecify,apiguardian-api

case "$(uname -s) $(uname -m)" in
"Linux x86_64") ;;
*)
    echo "gpu: the kit is built on Linux, x86-64, where it is to run" >&2
    exit 1
    ;;
esac
java=${JAVA_HOME:+$JAVA_HOME/bin/}
if ! command -v "${java}jlink" >/dev/null; then
    echo "gpu: no jlink: a JDK is needed, JAVA_HOME says which" >&2
    exit 1
fi

./mvnw -q -B -ntp -DskipTests -Dmaven.compiler.failOnWarning=false package </dev/null
rm -rf "$kit" "$archive"
mkdir -p "$kit/natives"
./mvnw -q -B -ntp dependency:copy-dependencies -DincludeScope=test -DexcludeArtifactIds="$without" \
    -DoutputDirectory="$kit/lib" </dev/null
cp -R target/classes target/test-classes "$kit/"

# JCuda's bring 24 MB of a PTX compiler, which no test on a card calls.
./mvnw -q -B -ntp dependency:unpack-dependencies -DincludeArtifactIds=jcuda-natives,jcublas-natives \
    -DoutputDirectory="$kit/natives" </dev/null
rm -rf "$kit/natives/META-INF"
rm -f "$kit"/natives/lib/libJNvPTXCompiler* "$kit"/natives/lib/libJNvrtc* "$kit"/natives/lib/libJCudaRuntime* \
    "$kit"/natives/lib/libJCublas-*

# Where the tests look for it.
mkdir -p "$kit/src/test/resources"
cp -R src/test/resources/golden "$kit/src/test/resources/"

"${java}jlink" --add-modules "$modules" --strip-debug --no-man-pages --no-header-files --output "$kit/jre" 2>/dev/null
# Some builds of Java, and JCuda, take these from the system; run.sh uses them if the system has none.
mkdir "$kit/system"
ldd "$kit/jre/lib/server/libjvm.so" "$kit/jre/bin/java" "$kit"/natives/lib/libJCudaDriver*.so |
    sed -n 's/.* => \(\/[^ ]*lib\(z\|stdc++\|gcc_s\)\.so[^ ]*\).*/\1/p' |
    sort -u | while read -r file; do cp -L "$file" "$kit/system/"; done

{
    echo "version=$(sed -n 's/^version=//p' target/maven-archiver/pom.properties)"
    echo "revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)$(git diff --quiet HEAD 2>/dev/null || echo ", changed")"
} >"$kit/kit.properties"
sed -n '/^#   tar/,/logs.tar.gz\.$/s/^# \{0,1\}//p' ci/gpu.sh >"$kit/README"
cp ci/gpu-run.sh "$kit/run.sh"
chmod +x "$kit/run.sh"

tar czf "$archive" -C target "$(basename "$kit")"
size=$(wc -c <"$archive")
echo "$archive: $((size / 1048576)) MiB"
if [ "$size" -gt "$most" ]; then
    echo "gpu: more than $((most / 1048576)) MiB; the largest parts:" >&2
    du -a "$kit" | sort -rn | head -n 20 >&2
    exit 1
fi

# Every class that is tagged must be among those that the kit would run.
listed=$("$kit/run.sh" list)
missing=$(grep -rl --include='*Test.java' '^@Tag("cuda")' src/test/java | while read -r file; do
    class=$(basename "$file" .java)
    echo "$listed" | grep -q "\.$class\$" || echo "$class"
done)
if [ -n "$missing" ]; then
    echo "gpu: the kit does not find these tests, for want of a library, perhaps:" $missing >&2
    exit 1
fi

if [ "${1:-}" = --run ]; then
    shift
    exec "$kit/run.sh" "$@"
fi
