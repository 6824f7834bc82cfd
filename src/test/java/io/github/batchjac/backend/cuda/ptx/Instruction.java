package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.PtxFunction.Variable;
import java.util.List;

/**
 * One decoded instruction. Registers are positions in the register file of a warp, where lane l of a register is l
 * further on; constants and special registers are registers that nobody writes. Predicates are numbered, a mask of lanes
 * each.
 */
final class Instruction implements Cloneable {
    static final int NOP = 0;
    static final int INT32 = 1;
    static final int INT64 = 2;
    static final int INT16 = 3;
    static final int FLOAT = 4;
    static final int DOUBLE = 5;
    static final int EXACT = 6; // floating point with a rounding mode, flushing, saturation, or approximate
    static final int CARRY = 7;
    static final int CONVERT_INT = 8;
    static final int CONVERT = 9;
    static final int COMPARE = 10;
    static final int SET = 11;
    static final int SELECT = 12;
    static final int SELECT_SIGN = 13;
    static final int PREDICATE = 14;
    static final int MOVE = 15;
    static final int PACK = 16;
    static final int UNPACK = 17;
    static final int CONVERT_ADDRESS = 18;
    static final int TEST = 19;
    static final int LOAD = 20;
    static final int STORE = 21;
    static final int ATOMIC = 22;
    static final int LOAD_PARAMETER = 23;
    static final int BRANCH = 30;
    static final int BRANCH_TABLE = 31;
    static final int EXIT = 32;
    static final int TRAP = 33;
    static final int BARRIER = 34;
    static final int WARP_BARRIER = 35;
    static final int SHUFFLE = 36;
    static final int VOTE = 37;
    static final int MATCH = 38;
    static final int ACTIVE = 39;
    /** A mutant that computes, watched for results that differ from those of its original. */
    static final int WATCHED = 40;

    static final int GENERIC = 0;
    static final int GLOBAL = 1;
    static final int SHARED = 2;
    static final int LOCAL = 3;
    static final int CONSTANT = 4;

    int pc;
    int kind;
    Op op = Op.NONE;
    PtxInstruction source;
    int guard = -1;
    boolean negated;
    /** Destination and operands: registers, or predicates where the kind says so. */
    int d = -1;

    int a = -1;
    int b = -1;
    int c = -1;
    int e = -1;
    /** A second predicate to write, or -1. */
    int q = -1;

    /** Address offset, table of a LOP3, target of a branch, barrier. */
    int immediate;

    int space;
    /** Bytes of an element or of the type. */
    int size;

    boolean signed;
    boolean floating;
    /** Of conversions: what is read. */
    int fromSize;

    boolean fromSigned;
    boolean fromFloating;
    boolean flush;
    boolean saturate;
    boolean approximate;
    /** Whether the address is the same in all lanes. */
    boolean uniform;

    boolean carryIn;
    boolean carryOut;
    /** As {@link Rounding} numbers them. */
    int rounding;
    /** Whether predicate c is taken negated. */
    boolean negatedC;

    Op combine = Op.NONE;
    int[] registers = {};
    /** Original and mutant of one that is {@link #WATCHED}, and whether a result was ever different. */
    Instruction[] watched = {};

    boolean differed;
    int[] targets = {};

    /** One whose registers can be put elsewhere. */
    Instruction copy() {
        try {
            Instruction copy = (Instruction) clone();
            copy.registers = registers.clone();
            return copy;
        } catch (CloneNotSupportedException e) {
            throw new AssertionError(e);
        }
    }
}

/**
 * A kernel, decoded.
 *
 * @param code ends in an exit
 * @param registers size of the register file of a warp
 * @param truth the predicate that is true in all lanes, or -1
 * @param constants of the register file
 * @param symbols registers that hold addresses of the module's variables
 * @param specials registers such as {@code %tid.x}
 * @param frame bytes of local memory of a thread
 * @param sharedBytes of static shared memory
 * @param dynamicBase where dynamic shared memory starts
 * @param narrowShared whether it uses shared memory in pieces of less than four bytes
 */
record Kernel(
        PtxModule module,
        String name,
        int maxThreads,
        List<Variable> parameters,
        int[] offsets,
        int parameterBytes,
        Instruction[] code,
        int registers,
        int predicates,
        int truth,
        List<Constant> constants,
        List<Symbol> symbols,
        List<Special> specials,
        int frame,
        int sharedBytes,
        int dynamicBase,
        boolean narrowShared) {

    /** The same with registers in other places. */
    Kernel with(
            Instruction[] instructions, int size, List<Constant> values, List<Symbol> addresses, List<Special> others) {
        return new Kernel(
                module,
                name,
                maxThreads,
                parameters,
                offsets,
                parameterBytes,
                instructions,
                size,
                predicates,
                truth,
                values,
                addresses,
                others,
                frame,
                sharedBytes,
                dynamicBase,
                narrowShared);
    }

    record Constant(int register, long value) {}

    record Symbol(int register, String name, long addend) {}

    record Special(int register, String name) {}
}
