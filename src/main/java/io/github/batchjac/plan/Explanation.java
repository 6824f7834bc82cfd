package io.github.batchjac.plan;

import io.github.batchjac.plan.Slot.Role;
import io.github.batchjac.structure.Products;
import io.github.batchjac.structure.Work;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A plan as text for people: what is computed, in which order, why, and what it costs. */
final class Explanation {
    private final Plan plan;
    private final StringBuilder text = new StringBuilder();

    private Explanation(Plan plan) {
        this.plan = plan;
    }

    static String of(Plan plan) {
        return new Explanation(plan).write();
    }

    private String write() {
        heading();
        steps("once for the whole batch", plan.once());
        steps("for every sample", plan.steps());
        costs();
        memory();
        return text.toString();
    }

    private void heading() {
        if (!plan.hasGraph()) {
            line(
                    "product, batch %d, %s",
                    plan.workload().batch(), plan.workload().precision());
            return;
        }
        Request r = plan.request();
        Workload w = plan.workload();
        line(
                "%s%s of %s%s, batch %d, %s",
                r.kind().name().toLowerCase(Locale.ROOT).replace('_', ' '),
                r.reduced() && r.kind() == Request.Kind.GRADIENT
                        ? " (" + r.reduction().name().toLowerCase(Locale.ROOT) + ")"
                        : "",
                plan.graph().output(),
                r.wrt().isEmpty() ? "" : " wrt " + String.join(", ", r.wrt()),
                w.batch(),
                w.precision());
        for (Result result : plan.results()) {
            line("  → %s %s", result.name(), shape(result));
        }
    }

    private static String shape(Result result) {
        String inner = result.shape().toString();
        if (!result.perSample()) {
            return inner;
        }
        String axes = inner.substring(1, inner.length() - 1);
        return axes.isEmpty()
                ? "(B,)"
                : "(B, " + (axes.endsWith(",") ? axes.substring(0, axes.length() - 1) : axes) + ")";
    }

    private void steps(String title, List<Step> steps) {
        if (steps.isEmpty()) {
            return;
        }
        line("");
        line("%s", title);
        List<String[]> rows = new ArrayList<>();
        int i = 0;
        for (Step step : steps) {
            rows.add(row(++i, step));
        }
        table(rows);
    }

    private static String[] row(int i, Step step) {
        String out = step.writes().stream().map(Slot::toString).collect(Collectors.joining(", "));
        if (step instanceof Step.Evaluate e) {
            return row(i, out, e.value().op().title() + "(" + names(e.operands()) + ")", "");
        } else if (step instanceof Step.Multiply m) {
            Work work = Products.multiply(m.left().structure(), m.right().structure())
                    .work();
            return row(
                    i,
                    out,
                    name(m.left()) + " · " + name(m.right()) + " → " + m.out().structure(),
                    flops(work));
        } else if (step instanceof Step.Add a) {
            return row(
                    i,
                    out,
                    name(a.left()) + " + " + name(a.right()) + " → " + a.out().structure(),
                    "");
        } else if (step instanceof Step.Densify d) {
            return row(i, out, "every entry of " + name(d.in()), "");
        } else if (step instanceof Step.SumBatch s) {
            boolean product = s.term().structure() instanceof io.github.batchjac.structure.Structure.Kronecker;
            return row(i, out, "Σ over the batch of " + name(s.term()) + (product ? ", one matrix product" : ""), "");
        } else if (step instanceof Step.Norm n) {
            boolean product = n.term().structure() instanceof io.github.batchjac.structure.Structure.Kronecker;
            return row(i, out, "norm of " + name(n.term()) + (product ? ", the product of two norms" : ""), "");
        } else if (step instanceof Step.JoinNorms j) {
            return row(i, out, "√Σ of squares of " + names(j.norms()), "");
        } else if (step instanceof Step.ClipFactors c) {
            return row(i, out, "min(1, " + c.limit() + "/" + c.norm().name() + ")", "");
        } else if (step instanceof Step.Transpose t) {
            return row(i, out, "transpose of " + t.in(), "");
        } else if (step instanceof Step.Repeat r) {
            return row(i, out, "copies of " + r.in(), "");
        }
        throw new IllegalStateException("no words for " + step);
    }

    private static String[] row(int i, String out, String how, String cost) {
        return new String[] {"  " + i, out, how, cost};
    }

    private static String names(List<Slot> slots) {
        return slots.stream().map(Slot::name).collect(Collectors.joining(", "));
    }

    private static String name(Operand operand) {
        return operand.structure() + (operand.parts().isEmpty() ? "" : " " + names(operand.parts()));
    }

    private static String flops(Work work) {
        return work.flops() > 0
                ? quantity(work.flops()) + "flop/sample"
                : work.sharedFlops() > 0 ? quantity(work.sharedFlops()) + "flop once" : "";
    }

    private void costs() {
        line("");
        line(
                "cost for batch %d (%.0f GFLOP/s and %.0f GB/s assumed)",
                plan.workload().batch(),
                plan.cost().flopsPerSecond() / 1e9,
                plan.cost().bytesPerSecond() / 1e9);
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"  ", "flop", "bytes moved", "estimated time", ""});
        rows.add(cost("  values", plan.forwardWork(), ""));
        Elimination.Choice choice = plan.choice();
        if (choice != null) {
            choice.candidates()
                    .forEach((name, work) ->
                            rows.add(cost("  products, " + name, work, name.equals(choice.name()) ? "← chosen" : "")));
        }
        table(rows);
    }

    private String[] cost(String name, Work work, String note) {
        double batch = plan.workload().batch();
        double seconds = plan.cost().seconds(work, batch, plan.workload().precision());
        return new String[] {
            name,
            quantity(work.flops(batch)) + "flop",
            quantity(work.elements(batch) * plan.workload().precision().bytes()) + "B",
            String.format(Locale.ROOT, "%.3g ms", seconds * 1e3),
            note
        };
    }

    private void memory() {
        Memory m = plan.memory();
        long batch = plan.workload().batch();
        line("");
        line(
                "memory: peak %s of %s",
                Memory.bytes(m.peakBytes()), Memory.bytes(plan.workload().memory()));
        line(
                "  shared %s, work %s (%d workers × tiles of %d samples, %d buffers for %d values), inputs and results %s",
                Memory.bytes(m.sharedBytes()),
                Memory.bytes(m.workBytes()),
                plan.workload().workers(),
                m.tile(),
                m.buffers().sizes().size(),
                plan.slots().stream()
                        .filter(s -> s.role() == Role.WORK && !s.shared())
                        .count(),
                Memory.bytes(m.chunkBytes()));
        line(
                "  %d chunk%s of %d samples",
                Math.max(1, (batch + m.chunk() - 1) / m.chunk()), batch <= m.chunk() ? "" : "s", m.chunk());
    }

    /** 1.5 G, 230 k, 12. */
    static String quantity(double x) {
        String[] units = {"", "k", "M", "G", "T", "P"};
        int unit = 0;
        while (x >= 1000 && unit < units.length - 1) {
            x /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, x == Math.rint(x) || x >= 100 ? "%.0f %s" : "%.1f %s", x, units[unit]);
    }

    private void line(String format, Object... args) {
        text.append(String.format(Locale.ROOT, format, args).stripTrailing()).append('\n');
    }

    private void table(List<String[]> rows) {
        int columns = rows.get(0).length;
        int[] width = new int[columns];
        for (String[] row : rows) {
            for (int c = 0; c < columns; c++) {
                width[c] = Math.max(width[c], row[c].length());
            }
        }
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int c = 0; c < columns; c++) {
                line.append(row[c]).append(String.join("", Collections.nCopies(width[c] - row[c].length() + 2, " ")));
            }
            line("%s", line);
        }
    }
}
