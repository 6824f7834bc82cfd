/**
 * A machine that executes PTX as nvcc writes it, slowly enough to notice everything.
 *
 * <p>{@link io.github.batchjac.backend.cuda.ptx.PtxModule} is text, parsed ({@code PtxParser}) and decoded ({@code Decoder},
 * {@code OpcodeDecoder}) once in a JVM; device functions are put in where they are called, registers share places
 * ({@code RegisterAllocator}). {@link io.github.batchjac.backend.cuda.ptx.PtxMachine} launches kernels on a
 * {@link io.github.batchjac.backend.cuda.ptx.GlobalMemory}: {@code Block} runs the warps of a block from barrier to barrier,
 * {@code Executor} a warp, all 32 lanes of an instruction at a time. Lanes at the lowest address run first, so that those
 * that went different ways meet again where the ways join; at shuffles, votes and barriers they wait for each other.
 *
 * <p>Arithmetic is IEEE's, in every rounding mode; approximate instructions are correctly rounded or, on demand, off by
 * two units ({@code Approximate}). {@code MemoryAccess} and {@code SharedMemory} check each access:
 * {@link io.github.batchjac.backend.cuda.ptx.PtxFault.Kind} is the list of what is found.
 * {@link io.github.batchjac.backend.cuda.ptx.LaunchReport} says what an access costs.
 *
 * <p>Not checked: registers that are read before anything is written to them, the order of memory between blocks other than
 * that no byte is shared, time, and whatever an assembler makes of the text.
 */
package io.github.batchjac.backend.cuda.ptx;
