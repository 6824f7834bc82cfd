#!/bin/sh
# Runs the GPU kit; README says how. Nothing outside this folder is needed but NVIDIA's driver.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
java=$here/jre/bin/java

# The report belongs where the caller is, the tests to where their files are.
start=$(pwd)
OUT=${OUT:-$start/gpu-report}
export OUT
REQUIRE_GPU=${REQUIRE_GPU:-1}
export REQUIRE_GPU

# JCuda needs the C++ library, not every Java does.
lacks_cpp() {
    ldd "$here"/natives/lib/libJCudaDriver*.so 2>/dev/null | grep -q 'libstdc++.*not found'
}
if lacks_cpp || ! "$java" -version >/dev/null 2>&1; then
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/system
    export LD_LIBRARY_PATH
    if ! "$java" -version >/dev/null 2>&1; then
        echo "gpu-kit: the kit's Java does not run here; build the kit with a JDK for older systems:" >&2
        "$java" -version >&2 || exit 1
    fi
fi

# Kernels are compiled once for all processes.
if [ -z "${CUDA_CACHE_PATH:-}" ]; then
    CUDA_CACHE_PATH=$(mktemp -d)
    export CUDA_CACHE_PATH
    trap 'rm -rf "$CUDA_CACHE_PATH"' EXIT
fi

cd "$here"
class_path=classes:test-classes:natives
for jar in lib/*.jar; do
    class_path=$class_path:$jar
done
status=0
"$java" -Xmx8g --add-modules jdk.incubator.vector -Dbatchjac.openblas=off -Dkit.start="$start" -cp "$class_path" \
    io.github.batchjac.backend.cuda.GpuKit "$@" || status=$?
exit $status
