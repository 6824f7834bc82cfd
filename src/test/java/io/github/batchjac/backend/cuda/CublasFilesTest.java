package io.github.batchjac.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CublasFilesTest {
    @TempDir
    Path root;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "usr/local/cuda/lib64",
                "usr/local/cuda-12.6/lib64",
                "usr/local/cuda-12.6/targets/x86_64-linux/lib",
                "usr/lib/x86_64-linux-gnu",
                "usr/lib64",
                "opt/cuda/lib64",
                "usr/lib/python3/dist-packages/nvidia/cublas/lib",
                "usr/lib/python3.12/site-packages/nvidia/cublas/lib",
                "usr/local/lib/python3.11/dist-packages/nvidia/cu13/lib"
            })
    void whatTheSystemHasIsFound(String folder) throws IOException {
        Path twelve = file(folder, "libcublas.so.12");
        Path thirteen = file(folder, "libcublas.so.13");
        file(folder, "libcublas.so.11");
        file(folder, "libcublas.so");
        file(folder, "libcublasLt.so.12");
        assertThat(CublasFiles.find(root, Map.of())).containsExactly(twelve, thirteen);
    }

    @ParameterizedTest
    @ValueSource(strings = {"CUDA_HOME", "CUDA_PATH"})
    void aToolkitIsFoundByItsVariable(String variable) throws IOException {
        Path library = file("elsewhere/lib64", "libcublas.so.12");
        Map<String, String> environment =
                Map.of(variable, root.resolve("elsewhere").toString());
        assertThat(CublasFiles.find(root, environment)).containsExactly(library);
    }

    @ParameterizedTest
    @ValueSource(strings = {"VIRTUAL_ENV", "CONDA_PREFIX"})
    void aPythonEnvironmentIsFoundByItsVariable(String variable) throws IOException {
        Path old = file("venv/lib/python3.12/site-packages/nvidia/cublas/lib", "libcublas.so.12");
        Path recent = file("venv/lib/python3.12/site-packages/nvidia/cu13/lib", "libcublas.so.13");
        Map<String, String> environment = Map.of(variable, root.resolve("venv").toString());
        assertThat(CublasFiles.find(root, environment)).containsExactly(old, recent);
    }

    @Test
    void condasOwnLibrariesAreFound() throws IOException {
        Path library = file("conda/lib", "libcublas.so.12");
        assertThat(CublasFiles.find(
                        root, Map.of("CONDA_PREFIX", root.resolve("conda").toString())))
                .containsExactly(library);
    }

    @Test
    void aPersonsOwnPackagesAreFound() throws IOException {
        Path library = file("me/.local/lib/python3.10/site-packages/nvidia/cublas/lib", "libcublas.so.12");
        assertThat(CublasFiles.find(root, Map.of("HOME", root.resolve("me").toString())))
                .containsExactly(library);
    }

    @Test
    void whatTheEnvironmentNamesComesBeforeWhatTheSystemHas() throws IOException {
        Path system = file("usr/local/cuda/lib64", "libcublas.so.12");
        Path python = file("venv/lib/python3.9/site-packages/nvidia/cublas/lib", "libcublas.so.12");
        Path home = file("toolkit/lib64", "libcublas.so.12");
        Path loader = file("b", "libcublas.so.12");
        Map<String, String> environment = Map.of(
                "VIRTUAL_ENV", root.resolve("venv").toString(),
                "CUDA_HOME", root.resolve("toolkit").toString(),
                "LD_LIBRARY_PATH", root.resolve("a") + File.pathSeparator + root.resolve("b") + File.pathSeparator);
        assertThat(CublasFiles.find(root, environment)).containsExactly(loader, home, python, system);
    }

    @Test
    void ofSeveralToolkitsTheNewestComesFirst() throws IOException {
        Path older = file("usr/local/cuda-12.6/lib64", "libcublas.so.12");
        Path newer = file("usr/local/cuda-12.10/lib64", "libcublas.so.12");
        assertThat(CublasFiles.find(root, Map.of())).containsExactly(newer, older);
    }

    @Test
    void nonsenseInTheEnvironmentIsPassedOver() throws IOException {
        Path library = file("usr/lib64", "libcublas.so.12");
        Map<String, String> nonsense =
                Map.of("CUDA_HOME", "\0", "VIRTUAL_ENV", "", "CONDA_PREFIX", "/not/there", "LD_LIBRARY_PATH", ":::\0:");
        assertThat(CublasFiles.find(root, nonsense)).containsExactly(library);
        assertThat(CublasFiles.find(root.resolve("nowhere"), Map.of())).isEmpty();
    }

    @Test
    void aFileIsTakenAtItsWordAndAFolderIsLookedInto() throws IOException {
        Path library = file("x/lib64", "libcublas.so.13");
        assertThat(CublasFiles.at(library)).containsExactly(library);
        assertThat(CublasFiles.at(root.resolve("x"))).containsExactly(library);
        assertThat(CublasFiles.at(root.resolve("x/lib64"))).containsExactly(library);
        assertThat(CublasFiles.at(file("x", "libfoo.so"))).isEmpty();
        assertThat(CublasFiles.at(root.resolve("nowhere"))).isEmpty();
    }

    @Test
    void aFilesNameSaysItsVersionAndItsCompanion() {
        assertThat(CublasFiles.major(Path.of("/a/libcublas.so.12"))).isEqualTo(12);
        assertThat(CublasFiles.major(Path.of("cublas64_13.dll"))).isEqualTo(13);
        assertThat(CublasFiles.major(Path.of("libcublas.so.11"))).isZero();
        assertThat(CublasFiles.light(Path.of("/a/libcublas.so.12"))).isEqualTo(Path.of("/a/libcublasLt.so.12"));
        assertThat(CublasFiles.light(Path.of("cublas64_13.dll"))).isEqualTo(Path.of("cublasLt64_13.dll"));
    }

    private Path file(String folder, String name) throws IOException {
        Path path = Files.createDirectories(root.resolve(folder)).resolve(name);
        return Files.exists(path) ? path : Files.createFile(path);
    }
}
