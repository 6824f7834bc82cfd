package io.github.batchjac.cli;

/** The command {@code batchjac}. A placeholder: prints the version. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        String version = Main.class.getPackage().getImplementationVersion();
        System.out.println("batchjac " + (version == null ? "(unpackaged)" : version));
    }
}
