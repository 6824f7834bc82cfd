package io.github.batchjac.backend.cuda;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;

/**
 * Assembles a file of PTX for one architecture with the assembler inside JCuda's natives, and prints what it says. In a JVM
 * of its own: text that is no PTX takes the JVM down with it.
 */
final class PtxAssembler {
    private PtxAssembler() {}

    public static void main(String[] arguments) throws Exception {
        byte[] ptx = Files.readAllBytes(Path.of(arguments[0]));
        JNvPTXCompiler.setExceptionsEnabled(false);
        nvPTXCompilerHandle compiler = new nvPTXCompilerHandle();
        check(JNvPTXCompiler.nvPTXCompilerCreate(compiler, ptx.length, Arrays.copyOf(ptx, ptx.length + 1)), compiler);
        String[] options = {"--gpu-name=" + arguments[1], "--verbose"};
        check(JNvPTXCompiler.nvPTXCompilerCompile(compiler, options.length, options), compiler);
        long[] size = new long[1];
        JNvPTXCompiler.nvPTXCompilerGetInfoLogSize(compiler, size);
        byte[] log = new byte[(int) size[0] + 1];
        JNvPTXCompiler.nvPTXCompilerGetInfoLog(compiler, log);
        System.out.print(text(log));
        JNvPTXCompiler.nvPTXCompilerDestroy(compiler);
        System.out.println("assembled");
    }

    private static void check(int result, nvPTXCompilerHandle compiler) {
        if (result != 0) {
            long[] size = new long[1];
            JNvPTXCompiler.nvPTXCompilerGetErrorLogSize(compiler, size);
            byte[] log = new byte[(int) size[0] + 1];
            JNvPTXCompiler.nvPTXCompilerGetErrorLog(compiler, log);
            System.out.println("error " + result + ": " + text(log));
            System.exit(1);
        }
    }

    private static String text(byte[] log) {
        int end = 0;
        while (end < log.length && log[end] != 0) {
            end++;
        }
        return new String(log, 0, end, StandardCharsets.UTF_8);
    }
}
