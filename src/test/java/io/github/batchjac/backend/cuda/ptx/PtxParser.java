package io.github.batchjac.backend.cuda.ptx;

import io.github.batchjac.backend.cuda.ptx.PtxFunction.Predicates;
import io.github.batchjac.backend.cuda.ptx.PtxFunction.Variable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads PTX as nvcc writes it: statements that end in a semicolon, labels, braces. Call parameters that are declared anew
 * in each pair of braces, and registers there, get names of their own.
 */
final class PtxParser {
    private static final Pattern IDENTIFIER = Pattern.compile("[%A-Za-z_$][\\w$]*");
    private static final Pattern LABEL = Pattern.compile("\\s*([A-Za-z_$%][\\w$]*)\\s*:(?!:)");
    private static final Pattern VARIABLE = Pattern.compile(
            "(?:\\.visible\\s+|\\.weak\\s+|\\.extern\\s+|\\.common\\s+)*"
                    + "\\.(global|const|shared|local|param)\\s+(?:\\.align\\s+(\\d+)\\s+)?\\.(?:v(\\d)\\s+\\.)?(\\w+)\\s+"
                    + "([\\w$%]+)\\s*((?:\\[[^]]*]\\s*)*)(?:=\\s*(.*))?",
            Pattern.DOTALL);
    private static final Pattern REGISTER = Pattern.compile("([%\\w$]+)(?:<(\\d+)>)?");
    private static final Pattern FUNCTION = Pattern.compile(
            "(?:\\.visible\\s+|\\.weak\\s+|\\.extern\\s+)*\\.(entry|func)\\s*(?:\\(([^)]*)\\))?\\s*([\\w$]+)\\s*"
                    + "(?:\\(([^)]*)\\))?(.*)",
            Pattern.DOTALL);
    private static final Pattern MAX_THREADS =
            Pattern.compile("\\.maxntid\\s+(\\d+)(?:\\s*,\\s*(\\d+))?(?:\\s*,\\s*(\\d+))?");

    private final String text;
    private int at;
    private int line = 1;
    private int count;
    private final List<Variable> variables = new ArrayList<>();
    private final Map<String, PtxFunction> functions = new LinkedHashMap<>();

    PtxParser(String text) {
        this.text = withoutComments(text);
    }

    /** The same text with blanks for comments. */
    private static String withoutComments(String text) {
        StringBuilder out = new StringBuilder(text);
        for (int i = 0; i + 1 < text.length(); i++) {
            if (text.charAt(i) != '/') {
                continue;
            }
            boolean block = text.charAt(i + 1) == '*';
            if (block || text.charAt(i + 1) == '/') {
                int end = block ? text.indexOf("*/", i + 2) + 2 : text.indexOf('\n', i);
                end = end < 2 ? text.length() : end;
                for (; i < end; i++) {
                    if (out.charAt(i) != '\n') {
                        out.setCharAt(i, ' ');
                    }
                }
                i--;
            }
        }
        return out.toString();
    }

    PtxModule parse() {
        while (skipBlanks()) {
            int from = line;
            if (text.startsWith(".version", at)
                    || text.startsWith(".target", at)
                    || text.startsWith(".address_size", at)) {
                until("\n");
                continue;
            }
            String head = until(";{=");
            char end = text.charAt(at - 1);
            if (end == '=') {
                head += "=" + until(";");
                end = ';';
            }
            Matcher function = FUNCTION.matcher(head.strip());
            if (function.matches()) {
                if (end == '{') {
                    function(function);
                }
            } else if (end == ';' && head.strip().startsWith(".")) {
                variables.add(variable(head.strip(), from));
            } else {
                throw fault(from, "not understood: " + head.strip());
            }
        }
        return new PtxModule(variables, functions);
    }

    private boolean skipBlanks() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            step();
        }
        return at < text.length();
    }

    private char step() {
        char c = text.charAt(at++);
        if (c == '\n') {
            line++;
        }
        return c;
    }

    /** The text before the next of {@code ends}, which is skipped. */
    private String until(String ends) {
        int from = at;
        while (at < text.length()) {
            if (ends.indexOf(step()) >= 0) {
                return text.substring(from, at - 1);
            }
        }
        throw fault(line, "ends in the middle of: " + text.substring(from).strip());
    }

    private void function(Matcher head) {
        int maxThreads = 1024;
        Matcher limit = MAX_THREADS.matcher(head.group(5));
        if (limit.find()) {
            maxThreads = Integer.parseInt(limit.group(1));
        }
        PtxFunction function = new PtxFunction(
                head.group(3),
                head.group(1).equals("entry"),
                parameters(head.group(2)),
                parameters(head.group(4)),
                maxThreads,
                new ArrayList<>(),
                new HashMap<>(),
                new Predicates(),
                new ArrayList<>(),
                new HashMap<>());
        body(function);
        functions.put(function.name(), function);
    }

    private List<Variable> parameters(String list) {
        List<Variable> all = new ArrayList<>();
        if (list != null && !list.isBlank()) {
            for (String each : list.split(",")) {
                all.add(variable(each.strip(), line));
            }
        }
        return all;
    }

    private void body(PtxFunction function) {
        List<Map<String, String>> scopes = new ArrayList<>();
        scopes.add(new HashMap<>());
        while (!scopes.isEmpty()) {
            skipBlanks();
            char c = text.charAt(at);
            if (c == '{') {
                step();
                scopes.add(new HashMap<>(scopes.get(scopes.size() - 1)));
                continue;
            }
            if (c == '}') {
                step();
                scopes.remove(scopes.size() - 1);
                continue;
            }
            Matcher label = LABEL.matcher(text).region(at, text.length());
            if (label.lookingAt()) {
                function.labels().put(label.group(1), function.body().size());
                while (at < label.end()) {
                    step();
                }
                table(function, label.group(1));
                continue;
            }
            statement(function, scopes);
        }
    }

    /** {@code .branchtargets a, b;} after a label. */
    private void table(PtxFunction function, String label) {
        skipBlanks();
        if (text.startsWith(".branchtargets", at)) {
            List<String> targets = new ArrayList<>();
            for (String target :
                    until(";").strip().substring(".branchtargets".length()).split(",")) {
                targets.add(target.strip());
            }
            function.tables().put(label, targets);
        }
    }

    private void statement(PtxFunction function, List<Map<String, String>> scopes) {
        int from = line;
        String statement = until(";").strip();
        Map<String, String> scope = scopes.get(scopes.size() - 1);
        if (statement.startsWith(".reg")) {
            registers(function, statement, scopes.size() > 1, scope, from);
        } else if (statement.startsWith(".pragma") || statement.startsWith(".loc ") || statement.isEmpty()) {
            return;
        } else if (statement.startsWith(".")) {
            Variable variable = variable(statement, from);
            String name = variable.name();
            if (scopes.size() > 1) {
                name += "@" + from;
                scope.put(variable.name(), name);
            }
            function.variables()
                    .add(new Variable(
                            name, variable.space(), variable.alignment(), variable.bytes(), variable.initial()));
        } else {
            function.body().add(instruction(count++, from, scope.isEmpty() ? statement : renamed(statement, scope)));
        }
    }

    private static String renamed(String statement, Map<String, String> scope) {
        return IDENTIFIER
                .matcher(statement)
                .replaceAll(found -> Matcher.quoteReplacement(scope.getOrDefault(found.group(), found.group())));
    }

    /** Declares registers; inside of inner braces they get names of their own, for they may hide outer ones. */
    private static void registers(
            PtxFunction function, String statement, boolean inner, Map<String, String> scope, int line) {
        String[] parts = statement.split("\\s+", 3);
        boolean predicate = parts[1].equals(".pred");
        for (String each : parts[2].split(",")) {
            Matcher register = REGISTER.matcher(each.strip());
            if (!register.matches()) {
                throw fault(line, "not understood: " + statement);
            }
            String name = register.group(1);
            String range = register.group(2);
            int count = range == null ? -1 : Integer.parseInt(range);
            if (inner) {
                for (int n = Math.min(count, 0); n < count || n < 0; n++) {
                    String one = n < 0 ? name : name + n;
                    scope.put(one, one + "@" + line);
                    if (predicate) {
                        function.predicates().add(one + "@" + line);
                    }
                }
            } else if (predicate && count < 0) {
                function.predicates().add(name);
            } else if (predicate) {
                function.predicates().add(name, count);
            }
        }
    }

    /** An instruction, or if the text is null one that does nothing. */
    static PtxInstruction instruction(int index, int line, String text) {
        if (text == null) {
            return new PtxInstruction(index, line, "", "", false, "nop", List.of());
        }
        String rest = text.replaceAll("\\s+", " ").strip();
        String whole = rest;
        String guard = "";
        boolean negated = false;
        if (rest.startsWith("@")) {
            int space = rest.indexOf(' ');
            guard = rest.substring(1, space);
            negated = guard.startsWith("!");
            guard = negated ? guard.substring(1) : guard;
            rest = rest.substring(space + 1).strip();
        }
        int space = rest.indexOf(' ');
        String opcode = space < 0 ? rest : rest.substring(0, space);
        List<String> operands = space < 0 ? List.of() : split(rest.substring(space + 1));
        return new PtxInstruction(index, line, whole, guard, negated, opcode, operands);
    }

    /** Splits at commas outside of brackets. */
    static List<String> split(String list) {
        List<String> parts = new ArrayList<>();
        int depth = 0;
        int from = 0;
        for (int i = 0; i < list.length(); i++) {
            char c = list.charAt(i);
            if ("([{".indexOf(c) >= 0) {
                depth++;
            } else if (")]}".indexOf(c) >= 0) {
                depth--;
            } else if (c == ',' && depth == 0) {
                parts.add(list.substring(from, i).strip());
                from = i + 1;
            }
        }
        String last = list.substring(from).strip();
        if (!last.isEmpty()) {
            parts.add(last);
        }
        return parts;
    }

    private static Variable variable(String declaration, int line) {
        Matcher parts = VARIABLE.matcher(declaration);
        if (!parts.matches()) {
            throw fault(line, "not understood: " + declaration);
        }
        int element = Types.bytes(parts.group(4));
        if (element == 0) {
            throw fault(line, "unknown type: " + declaration);
        }
        int vector = parts.group(3) == null ? 1 : Integer.parseInt(parts.group(3));
        int alignment = parts.group(2) == null ? element * vector : Integer.parseInt(parts.group(2));
        long bytes = (long) element * vector;
        for (String length : parts.group(6).split("]")) {
            String digits = length.replace("[", "").strip();
            if (length.contains("[")) {
                bytes = digits.isEmpty() ? -1 : bytes * Long.parseLong(digits);
            }
        }
        byte[] initial = null;
        if (parts.group(1).equals("global") || parts.group(1).equals("const")) {
            initial = initial(parts.group(7), parts.group(4), element, (int) bytes, line);
        }
        return new Variable(parts.group(5), parts.group(1), alignment, bytes, initial);
    }

    private static byte[] initial(String list, String type, int element, int bytes, int line) {
        byte[] initial = new byte[bytes];
        if (list == null) {
            return initial;
        }
        int position = 0;
        for (String each : list.replaceAll("[{}]", "").split(",")) {
            if (each.isBlank()) {
                continue;
            }
            long value;
            try {
                value = Types.literal(each.strip(), type);
            } catch (NumberFormatException e) {
                throw fault(line, "initial value is not a number: " + each);
            }
            for (int i = 0; i < element; i++) {
                initial[position++] = (byte) (value >> 8 * i);
            }
        }
        return initial;
    }

    private static PtxFault fault(int line, String what) {
        return new PtxFault(PtxFault.Kind.TEXT, "line " + line + ": " + what);
    }
}
