#!/bin/sh
# Compiles the kernels to the one PTX module that the library ships, and records what it was made from.
#   kernels/build.sh           writes src/main/resources/io/github/batchjac/backend/cuda/batchjac.ptx and .properties
#   kernels/build.sh FOLDER    writes them to FOLDER
# Needs nvcc 13.0. Its PTX says ".version 9.0", which drivers before R580 refuse; nothing in it needs more than 6.3 and
# sm_75, so that is what the header is made to say: every driver since CUDA 10 takes it. Its hints about bytes that are not used
# (8.3) go, for the assembler of CUDA 13 refuses them under that header.
set -eu
export LC_ALL=C
cd "$(dirname "$0")"
out=${1:-../src/main/resources/io/github/batchjac/backend/cuda}
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# No contraction: a product and a sum are rounded twice unless the source says fma, as on every other backend.
nvcc --ptx --gpu-architecture=compute_75 --std=c++17 --fmad=false -O3 --Werror all-warnings -o "$work/raw.ptx" batchjac.cu

sed -e 's/^\.version .*/.version 6.3/' -e 's/^\.target .*/.target sm_75/' -e '/^\/\//d' -e '/used_bytes_mask/d' -e '/^[[:space:]]*$/d' \
    "$work/raw.ptx" >"$work/batchjac.ptx"
{
    echo "sources=$(cat ./*.cu ./*.cuh build.sh | sha256sum | cut -d' ' -f1)"
    echo "ptx=$(sha256sum <"$work/batchjac.ptx" | cut -d' ' -f1)"
    echo "compiler=$(nvcc --version | sed -n 's/.*release .*, V//p')"
} >"$work/batchjac.properties"
mv "$work/batchjac.ptx" "$work/batchjac.properties" "$out/"
